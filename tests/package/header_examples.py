"""The examples in the comments of the public headers, as programs that a compiler takes.

An indented block of a comment is an example. What it stands in (a function with these arguments, a class of that kind) is
said here, block by block, so that none is left out by accident; TEXT is no code.
"""
import pathlib
import re

LINE = re.compile(r"^\s*///?(?:     (.*)|\s*)$")

TEXT = None
PROGRAM = "@"  # as it is


def function(returns, *arguments):
    return f"inline {returns} example({', '.join(arguments)}) {{\n@\n}}"


def checks(*arguments):
    """Statements that end without a value."""
    return function("void", *arguments)


def of_packet(returns):
    return function(f"std::optional<{returns}>", "const Packet& packet").replace("\n}", "\nreturn std::nullopt;\n}")


# The functions that a measurement must have besides those of the example.
SINGLE = "struct Example : SingleMeasurement {\n@\n%s};"
COMBINE = "void combine(const MergedFlows&, Conditions&) const override {}\n"
MEASUREMENT = "#include <spiderling/measurement.h>\n"
BUILDER = "PacketBuilder& packet"
ENDS = "const IpAddress& client, const IpAddress& server"

BLOCKS = {
    "address.h": [function("std::string")],
    "builder.h": [function("std::optional<BuildError>", ENDS).replace("\n}", "\nreturn {};\n}")],
    "builder_fields.h": ["#include <spiderling/builder.h>\n" + checks(BUILDER, ENDS)],
    "bytes.h": ["#include <spiderling/packet.h>\n" + of_packet("std::uint16_t")],
    "chain.h": [PROGRAM, TEXT],
    "chef.h": [PROGRAM],
    "conditions.h": ["#include <array>\nstruct Example {\n@\n};", checks()],
    "connection.h": [MEASUREMENT + function("Task<ConnectionRecord>", "Worker& worker")],
    "dns_builder.h": [checks(BUILDER)],
    "dns_query.h": ["#include <spiderling/job.h>\n" + function("bool", "const Job& job", "std::uint16_t id",
                                                               "Bytes (*exchange)(Bytes)")],
    "dumpling.h": [function("Payload", "const std::string& name", "double time")],
    "eater.h": [PROGRAM],
    "header_options.h": ["#include <spiderling/builder.h>\n" + checks(BUILDER)],
    "headers/dns.h": ["#include <spiderling/packet.h>\n" + of_packet("std::string")],
    "headers/ethernet.h": ["#include <spiderling/packet.h>\n" + of_packet("std::string")],
    "headers/icmp.h": ["#include <spiderling/packet.h>\n" + of_packet("std::uint8_t")],
    "headers/ip.h": ["#include <spiderling/packet.h>\n" + of_packet("std::uint8_t")],
    "headers/tcp.h": ["#include <spiderling/packet.h>\n" + function("int", "const Packet& packet")],
    "headers/transport.h": ["#include <spiderling/packet.h>\n" + of_packet("std::uint16_t")],
    "job.h": [TEXT, checks("const Job& job")],
    "measurement.h": [
        PROGRAM,
        "#include <spiderling/builder.h>\nstruct Forging : ForgeMeasurement {\n@\n};",
        "@"],
    "merged_flow.h": [MEASUREMENT + SINGLE % ""],
    "option_list.h": [MEASUREMENT + SINGLE % COMBINE],
    "packet.h": [TEXT, function("void", "const Packet& packet", "void (*count)(std::uint16_t)")],
    "plugin.h": ["#include <cstdio>\n" + checks(), PROGRAM],
    "resolver.h": [MEASUREMENT + "struct Example : ExpandMeasurement {\n@\n};"],
    "task.h": [MEASUREMENT + SINGLE % COMBINE],
    "testing.h": [PROGRAM],
    "testing/chains.h": [checks()],
    "testing/chefs.h": [checks()],
    "testing/fake_network.h": [checks(), checks(), checks()],
    "testing/lab.h": ["#include <cstdio>\n" + function("int")],
    "testing/measurements.h": [checks()],
    "testing/own_plugins.h": [checks()],
    "testing/packets.h": [checks(), TEXT],
}


def blocks_of(text):
    """The indented blocks of a header's comments, without what is around them."""
    blocks, current = [], []
    for line in [*text.splitlines(), ""]:
        match = LINE.match(line)
        if match and (match[1] is not None or current):
            current.append(match[1] or "")
            continue
        if current:
            blocks.append("\n".join(current).rstrip())
        current = []
    return blocks


def program_of(header, text):
    """A source that includes the header first, alone, and then has its examples. Complains about those not accounted for."""
    found, known = blocks_of(text), BLOCKS.get(header, [])
    if len(found) != len(known):
        raise SystemExit(f"{header}: {len(found)} indented blocks in its comments, tests/package/header_examples.py knows "
                         f"{len(known)}")
    if not any(known):
        raise SystemExit(f"{header}: it has no example that could be compiled")
    parts = [f'#include <spiderling/{header}>']
    for number, (block, around) in enumerate(zip(found, known)):
        if around is TEXT:
            continue
        # What an example includes stays outside of its namespace.
        whole = around.replace("@", block)
        if around != PROGRAM:
            includes = [line for line in whole.splitlines() if line.startswith("#include")]
            rest = [line for line in whole.splitlines() if not line.startswith("#include")]
            using = "using namespace spiderling;\n" + ("using namespace spiderling::testing;\n" if "testing" in header else "")
            whole = "\n".join([*includes, f"namespace example{number} {{", using, *rest, "}"])
        parts.append(whole)
    return "#include <cassert>\n#include <optional>\n#include <string>\n".join([parts[0] + "\n", "\n".join(parts[1:])]) + "\n"


def programs(include_folder):
    """(header, source) for each public header."""
    root = pathlib.Path(include_folder) / "spiderling"
    headers = sorted(str(path.relative_to(root)) for path in root.rglob("*.h"))
    gone = set(BLOCKS) - set(headers)
    if gone:
        raise SystemExit(f"tests/package/header_examples.py knows headers that are not there: {', '.join(sorted(gone))}")
    for header in headers:
        yield header, program_of(header, (root / header).read_text(encoding="utf-8"))
