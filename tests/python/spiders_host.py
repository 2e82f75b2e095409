"""What plugins of PATHspider change of the host is put back, also after kill -9.

Usage: spiders_host.py TEST      (the program is $SPIDERLING; exit status 77: not possible here)
"""
import os
import random
import threading
import time

from spiders import QUICK, THIRD_PARTY, jobs_of, measure, network, use
from network import Lab, sysctl  # its folder is on the path by now
import left_as_found


def settings_come_back():
    """Those that configurations changed, whatever they did it with: at the end, and when a run is refused or fails."""
    use(THIRD_PARTY)
    lab = Lab()
    before = left_as_found.host_of_a_user()
    results, said = measure(jobs_of(lab, 20), "restless")
    assert len(results) == 40 and all("restless.connectivity.works" in one["conditions"] for one in results), said
    left_as_found.expect_same(before)
    assert "what restless changed of this host: put back: " in said, said
    for name in ("net.ipv4.tcp_sack = 0", f"net.ipv4.conf.{network.INTERFACE}.rp_filter", f"net.ipv6.conf.{network.INTERFACE}.hop_limit", "tcp_rmem"):
        assert name in said, (name, said)
    measure(jobs_of(lab), "--output", "/dev/full", "restless", status=1)
    left_as_found.expect_same(before)
    assert not left_as_found.journals() and not left_as_found.programs()


def settings_come_back_after_a_kill():
    use(THIRD_PARTY)
    lab = Lab('[[host]]\nbox = "silent"\ncount = 2\n[[host]]\nbox = "clean"\ncount = 20\n')
    before = left_as_found.host_of_a_user()
    silent = [{"dip": dip, "dp": 80} for dip in lab.targets("silent", 4, 2)]
    for held, at_both in ((f"4096\t{131072}\t6291456", False), (f"4096\t{131073}\t6291456", True)):
        # A silent target keeps each configuration in place.
        with network.Measure(*QUICK, "--timeout", "2", "restless") as running:
            running.tell(silent)
            network.wait_for(lambda: sysctl("net.ipv4.tcp_rmem") == held or running.process.poll() is not None, "the configuration")
            assert left_as_found.picture() != before, (at_both, running.stderr)
            running.process.kill()
            running.wait()
            network.wait_for(lambda: not left_as_found.programs(), "the guardian to end")
            assert "the measuring process died; put back: " in running.stderr, running.stderr
        left_as_found.expect_same(before)
        assert not left_as_found.journals()
    chance = random.Random(seed := int.from_bytes(os.urandom(4), "big"))
    print(f"seed {seed}")
    for _ in range(5):
        with network.Measure(*QUICK, "--timeout", "0.3", "restless") as running:
            feeder = threading.Thread(target=lambda: running.tell(silent * 20))
            feeder.start()
            time.sleep(chance.uniform(0, 1))
            running.process.kill()
            running.wait()
            feeder.join(network.DEADLINE)
            network.wait_for(lambda: not left_as_found.programs(), "the guardian to end")
        left_as_found.expect_same(before)
    results, said = measure(jobs_of(lab, 2), "restless")
    assert len(results) == 4, said


def one_configures_the_host_at_a_time():
    """A second run of a plugin that configures is refused, and says why; other plugins are not kept from running."""
    use(THIRD_PARTY)
    lab = Lab()
    with network.Measure(*QUICK, "restless") as running:
        running.tell(jobs_of(lab, 1))
        running.wait_for_results(2)
        results, said = measure(jobs_of(lab, 1), "congestion", status=2)
        assert not results and "another spiderling is measuring with settings of this whole host" in said, said
        assert len(measure(jobs_of(lab, 1), "talkers")[0]) == 2
        running.close()
        running.finish()


def configurations_of_every_kind():
    """Closures, methods, functions of the module, lambdas and partial functions: each is called as it wants to be."""
    use(THIRD_PARTY)
    lab = Lab()
    results, said = measure(jobs_of(lab, 1), "several", "--codepoint", "3")
    assert len(results) == 2, said
    for result in results:
        assert result["conditions"] == [f"several.{number}.value:{what}" for number, what in enumerate(
            ["closure 3", "method", "of the module", "lambda", "number 7", "method"])], (result, said)


def rules_that_are_left_are_named():
    """With the rights that are left, a plugin can still set the firewall up; what it leaves there is said."""
    use(THIRD_PARTY)
    lab = Lab()
    left_as_found.host_of_a_user()
    results, said = measure(jobs_of(lab, 1), "walls")
    assert len(results) == 2 and all(one["conditions"] == ["walls.connectivity.works", "walls.0.sent", "walls.46.sent"] for one in results), (results, said)
    for table in ("inet firewall", "inet of_walls"):
        assert f"table {table} of nft, which is not as it was found" in said, said
    assert "ip mangle" not in said, said


def what_configures_nothing_waits_for_nothing():
    """Both connections of a job are made while another target is silent; and a run that does configure is not in the way."""
    use(THIRD_PARTY)
    lab = Lab('[[host]]\nbox = "silent"\ncount = 1\n[[host]]\nbox = "clean"\ncount = 20\n')
    silent = [{"dip": lab.targets("silent", 4), "dp": 80}]
    with network.Measure(*QUICK, "restless") as running:
        running.tell(jobs_of(lab, 1))
        running.wait_for_results(2)
        with network.Measure(*QUICK, "--timeout", "3600", "idle") as other:
            other.tell(silent + jobs_of(lab, 5))
            other.wait_for_results(10)
            assert all(one["conditions"] == ["idle.connectivity.works"] for one in other.results()), other.stderr
        running.close()
        running.finish()


def rights_are_given_up():
    """All but two, which programs that a plugin starts have too; unless one says otherwise."""
    use(THIRD_PARTY)
    lab = Lab()
    network_only = f"{1 << 12 | 1 << 13:x}"  # CAP_NET_ADMIN, CAP_NET_RAW
    results, said = measure(jobs_of(lab, 2), "rights")
    assert len(results) == 4, said
    for result in results:
        assert result["conditions"] == ["rights.connectivity.works"], (result, said)
        for flow in result["flow_results"]:
            assert flow["at_first"][0] == 0 and flow["raw"] and not flow["secrets"], flow
            assert flow["configuring"] == flow["connecting"] == [65534, 65534, network_only] and flow["program"] == network_only, flow
    for flow in measure(jobs_of(lab, 1), "--keep-privileges", "rights")[0][0]["flow_results"]:
        assert flow["configuring"] == flow["connecting"] == flow["at_first"] and flow["secrets"], flow


if __name__ == "__main__":
    network.main(globals())
