// The commands of the program, one small file each.
#pragma once

#include <string>
#include <vector>

#include "plugins/search.h"

namespace spiderling::app {

/// Exit statuses, the same for every command.
enum ExitStatus : int {
  success = 0,
  failed_while_running = 1,  ///< disk full, for example
  bad_request = 2,           ///< arguments, input or permissions: nothing was done
};

/// A command line without the program's and the command's own names.
struct Arguments {
  std::string called_as;  ///< "spiderling observe", "pspdr observe": for messages
  std::vector<std::string> words;
  PluginSearch plugins{};  ///< where to look for more than what is built in, see plugin_options.h
};

int observe(const Arguments& arguments);
int sniff(const Arguments& arguments);
int hub(const Arguments& arguments);
int print(const Arguments& arguments);
int status(const Arguments& arguments);
int details(const Arguments& arguments);
int store(const Arguments& arguments);
int lab(const Arguments& arguments);
int measure(const Arguments& arguments);
int filter(const Arguments& arguments);
int replay(const Arguments& arguments);
int metadata(const Arguments& arguments);
int plugins(const Arguments& arguments);
int new_plugin(const Arguments& arguments);

}  // namespace spiderling::app
