// A kitchen, an eater or a hub on npm's ws.
//   node node_client.js kitchen URI COUNT [--ca FILE] [--token TOKEN]   sends COUNT dumplings, waits for the close
//   node node_client.js eater URI COUNT [...]     prints "ready", then COUNT dumplings (not the hub's own), one a line
//   node node_client.js hub COUNT                 prints its port; sends COUNT dumplings to whoever says hello
'use strict';
const fs = require('fs');
const WebSocket = require('ws');

const words = process.argv.slice(2);
const option = (name) => (words.includes(name) ? words[words.indexOf(name) + 1] : undefined);

function connect(uri) {
  const options = {};
  if (option('--ca')) options.ca = fs.readFileSync(option('--ca'));
  if (option('--token')) options.headers = { Authorization: `Bearer ${option('--token')}` };
  return new WebSocket(uri, options);
}

function fail(problem) {
  console.error(String(problem));
  process.exit(1);
}

const dumpling = (number) => JSON.stringify({
  metadata: { chef: 'NodeChef', kitchen: 'node_kitchen', creation_time: Date.now() / 1000, driver: 'packet' },
  payload: { number, text: 'från node ☃' },
});

const roles = {
  kitchen(uri, count) {
    const socket = connect(uri);
    socket.on('error', fail);
    socket.on('open', () => {
      socket.send(JSON.stringify({
        kitchen_name: 'node_kitchen', interface: 'all', filter: 'udp', chefs: ['node.NodeChef'], poke_interval: 5,
      }));
      for (let i = 0; i < Number(count); ++i) socket.send(dumpling(i));
      socket.ping('done');
    });
    // The hub answers the ping after it has read what came before.
    socket.on('pong', () => socket.close(1000, 'enough'));
    socket.on('close', (code) => process.exit(code === 1000 ? 0 : 1));
  },
  eater(uri, count) {
    const socket = connect(uri);
    let left = Number(count);
    socket.on('error', fail);
    socket.on('open', () => socket.send(JSON.stringify({ eater_name: 'node_eater' })));
    socket.on('message', (data, isBinary) => {
      if (isBinary) fail('a binary message');
      const { metadata } = JSON.parse(data);
      if (metadata.chef === 'SystemStatusChef') {
        console.log('ready');
        return;
      }
      console.log(String(data));
      if (--left === 0) socket.close(4102, 'dumpling eater is full');
    });
    // Not exit(): what is printed may not be out yet.
    socket.on('close', (code) => { process.exitCode = code === 4102 ? 0 : 1; });
  },
  hub(count) {
    const server = new WebSocket.Server({ host: '127.0.0.1', port: 0 }, () => console.log(server.address().port));
    server.on('connection', (socket) => {
      socket.on('message', (hello) => {
        if (!('eater_name' in JSON.parse(hello))) fail('no hello');
        for (let i = 0; i < Number(count); ++i) socket.send(dumpling(i));
      });
      socket.on('close', (code) => process.exit(code === 4102 ? 0 : 1));
    });
  },
};
roles[words[0]](...words.slice(1));
