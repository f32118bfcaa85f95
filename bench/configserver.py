#!/usr/bin/python3
"""Measures a config server with as many hosts as asked for (10,000 in 1,000 accounts): bench/configserver_world.py raises the
real program and what is around it, bench_agents are the hosts, each with its own certificate and connection. Everything lives
in a network namespace of its own and in one directory; both go with it. What each measure means: bench/README.md.

    bench/configserver.py [HOSTS [ACCOUNTS [SECONDS]]]      one JSON object a measure; BENCH_KEEP=1 shows the server's log"""
import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import time

from configserver_world import PUBLIC, World

SAMPLES = 15
# EC2's own pace (docs: "Request throttling"): 5 RunInstances at once and 2 a second, 50 instances in each of ours.
LAUNCH_CALLS_AT_ONCE, LAUNCH_CALLS_A_SECOND, LAUNCH_BATCH, THOUSAND = 5, 2, 50, 1000


def measure(name, value, unit, **more):
    return {"name": f"configserver.{name}", "value": round(value, 3 if value < 10 else 1), "unit": unit, **more}


def say(text):
    load = os.getloadavg()[0]
    print(f"# {time.strftime('%H:%M:%S')} load {load:.1f}  {text}", file=sys.stderr, flush=True)


def middle(values):
    return sorted(values)[len(values) // 2]


def grow(world):
    """Every account's application, and its hosts requested; how fast."""
    each = world.host_count // len(world.accounts)
    began = time.monotonic()

    def some(accounts):
        connection = world.connection(world.controller)
        for account in accounts:
            world.deploy(account, each, connection=connection)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(some, [world.accounts[i::4] for i in range(4)]))
    deployed = time.monotonic() - began
    world.wait("all instances", lambda: world.launched() >= each * len(world.accounts), 900, 0.5)
    return [measure(f"deploys_s_{len(world.accounts)}", deployed, "s"),
            measure(f"all_launched_s_{world.host_count}", time.monotonic() - began, "s")]


def all_up(world):
    return world.ask("stats")["reported"] >= world.host_count


def arrive(world):
    began = time.monotonic()
    world.start_agents()
    world.wait("all hosts to be active and their nodes up", lambda: all_up(world), 600, 1)
    return [measure(f"arrive_s_{world.host_count}", time.monotonic() - began, "s")]


def steady(world, seconds):
    """All hosts poll and push their metrics, all accounts are watched, nothing changes."""
    time.sleep(15)
    before, requests, began = world.cpu_s(), world.ask("stats")["requests"], time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    after = world.ask("stats")
    say(f"steady: {(after['requests'] - requests) / took:.0f} requests/s, connections {after['connected']}, "
        f"failures {after['failures']}, refused {after['refused']}")
    return [measure(f"cpu_cores_{world.host_count}", (world.cpu_s() - before) / took, "cores"),
            measure(f"rss_mb_{world.host_count}", world.rss_mb(), "MB"),
            measure(f"rss_most_mb_{world.host_count}", world.rss_mb("VmHWM"), "MB")]


def spec_changes(world):
    """From an operator's request, which changes one host's spec, until that host has it."""
    taken, operator = [], world.connection(world.operator)
    hosts = world.hosts_of(world.accounts[0]) + world.hosts_of(world.accounts[-1])
    for host in hosts[:2 * SAMPLES]:
        began = time.time() * 1000
        world.restart_node(host, operator)
        taken.append(world.wait("a changed spec", lambda: (lambda at: at if at >= int(began) else 0)(
            world.ask(f"spec {host}")["changed"]), 30, 0.01) - began)
    return [measure("spec_to_host_ms", middle(taken), "ms"), measure("spec_to_host_worst_ms", max(taken), "ms")]


def growth(world):
    """One more host for one application: from the answer to the deployment until EC2 has answered RunInstances."""
    each = world.host_count // len(world.accounts)
    launch_ms, answer_ms, connection = [], [], world.connection(world.controller)
    for account in world.accounts[-SAMPLES:]:
        began = time.time() * 1000
        world.deploy(account, each + 1, connection=connection)
        answered = time.time() * 1000
        launched = world.wait("a launch", lambda: [at for at in world.launched_at(account) if at >= began - 1], 30, 0.1)
        launch_ms.append(max(launched[-1] - answered, 0))
        answer_ms.append(answered - began)
    return [measure("deploy_answer_ms", middle(answer_ms), "ms"),
            measure(f"deploy_to_launch_ms_{world.host_count}", middle(launch_ms), "ms"),
            measure("deploy_to_launch_worst_ms", max(launch_ms), "ms")]


def reconnect(world):
    """Killed and started anew: until every host has had an answer in the tunnel again."""
    world.server.kill()
    world.server.wait()
    killed = time.time() * 1000
    world.start_server()
    answering = time.time() * 1000
    world.wait("all hosts to poll again", lambda: world.ask(f"polled {int(killed)}")["polled"] >= world.host_count, 300, 0.2)
    return [measure("restart_s", (answering - killed) / 1000, "s"),
            measure(f"reconnect_{world.host_count}_s", time.time() - killed / 1000, "s")]


def thousand(world):
    """One application that asks for 1,000 hosts at once, against the pace that EC2 allows one account."""
    ideal = (THOUSAND / LAUNCH_BATCH - LAUNCH_CALLS_AT_ONCE) / LAUNCH_CALLS_A_SECOND
    world.deploy(world.growing, THOUSAND)
    answered = time.time() * 1000
    world.wait("1,000 launches", lambda: len(world.launched_at(world.growing)) >= THOUSAND, 120, 0.5)
    took = (max(world.launched_at(world.growing)) - answered) / 1000
    return [measure("thousand_launched_s", took, "s", against="EC2's bucket", ratio=round(took / ideal, 2))]


def measure_all(hosts=10000, accounts=1000, seconds=30):
    """In a namespace of its own: run as `unshare --net` by main."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "-6", "addr", "add", f"{PUBLIC}/128", "dev", "lo"], check=True)
    world = World(hosts, accounts)
    signal.signal(signal.SIGTERM, lambda *ignored: sys.exit(1))  # so that everything ends with us
    try:
        world.raise_up()
        say(f"the config server is up, for {accounts} accounts")
        measures = [measure("rss_mb_0", world.rss_mb(), "MB")]
        for part in (grow, arrive, lambda w: steady(w, seconds), spec_changes, growth, reconnect, thousand):
            measures += part(world)
            say(" ".join(f"{m['name'].removeprefix('configserver.')}={m['value']}" for m in measures[-3:]))
        return measures
    finally:
        world.close(show_log=bool(os.environ.get("BENCH_KEEP")))


def main():
    if os.environ.get("BENCH_INSIDE") != "1":
        os.environ["BENCH_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "--net", "--", sys.executable, __file__, *sys.argv[1:]])
    for each in measure_all(*map(int, sys.argv[1:])):
        print(json.dumps(each))


if __name__ == "__main__":
    main()
