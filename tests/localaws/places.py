"""Places packets are sent from: the network namespace of a machine, or the region's internet. A thread enters it, and the
sockets it makes there stay there."""
import ctypes
import http.client
import os
import socket
import ssl
import struct
import threading

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
PATIENCE = 1.0  # seconds without an answer that mean "no"


class Place:
    def __init__(self, label, name):
        self.path = f"/run/netns/{label}-{name}"

    def inside(self, function, *arguments):
        """The function's result, or the error that it ended with."""
        result = []

        def run():
            handle = os.open(self.path, os.O_RDONLY)
            try:
                if libc.setns(handle, CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns " + self.path)
                result.append(function(*arguments))
            except OSError as error:
                result.append(error)
            finally:
                os.close(handle)
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return result[0]

    def connect(self, address, port, source=None):
        """An open connection and what its server said first: (who it is, whom it sees); or the error."""
        return self.inside(connect, address, port, source)

    def resolves(self, name, type=1, server="169.254.169.253", stream=False):
        """As look_up; None when nobody answers."""
        found = self.inside(look_up, name, type, server, stream)
        return None if isinstance(found, OSError) else found

    def says_as(self, source, address, port):
        """As says, by TCP from an address of our choice."""
        opened = self.connect(address, port, source)
        return None if isinstance(opened, OSError) else opened[1]

    def says(self, protocol, address, port=0):
        """What is heard from there, or None."""
        if protocol == "tcp":
            opened = self.connect(address, port)
            if isinstance(opened, OSError):
                return None
            opened[0].close()
            return opened[1]
        said = self.inside(ask if protocol == "udp" else ping, address, port)
        return None if isinstance(said, OSError) else said


def connect(address, port, source):
    connection = socket.create_connection((address, port), timeout=PATIENCE, source_address=source and (source, 0))
    try:
        return connection, connection.recv(256).decode().split()
    except OSError:
        connection.close()
        raise


def trusts(address, host, authority):
    """The version of TLS, when somebody with this host's certificate answers at port 443."""
    context = ssl.create_default_context(cadata=authority)
    with socket.create_connection((address, 443), timeout=PATIENCE) as plain, \
            context.wrap_socket(plain, server_hostname=host) as secured:
        return secured.version()


def post(address, authority, body, headers):
    """Status and body of the answer at port 443, whatever it is called."""
    context = ssl.create_default_context(cadata=authority)
    context.check_hostname = False
    connection = http.client.HTTPSConnection(address, 443, timeout=5, context=context)
    connection.request("POST", "/", body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


A, PTR, AAAA = 1, 12, 28


def look_up(name, type, server, stream):
    """The addresses or names that a resolver gives; [] when there are none."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    query = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", type, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.connect((server, 53))
        sock.sendall(struct.pack("!H", len(query)) + query if stream else query)
        answer = sock.recv(4096)[2 if stream else 0:]
    at, found = len(query), []
    for _ in range(struct.unpack("!H", answer[6:8])[0]):
        type, _, _, length = struct.unpack("!HHIH", answer[at + 2:at + 12])
        data = answer[at + 12:at + 12 + length]
        family = socket.AF_INET if type == A else socket.AF_INET6
        found.append(labels_of(data) if type == PTR else socket.inet_ntop(family, data))
        at += 12 + length
    return found


def labels_of(data):
    labels, at = [], 0
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode())
        at += 1 + data[at]
    return ".".join(labels)


def ask(address, port):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.connect((address, port))
        sock.send(b"hello")
        return sock.recv(256).decode().split()


def ping(address, _port):
    six = ":" in address
    with socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW,
                       socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP) as sock:
        sock.settimeout(PATIENCE)
        packet = struct.pack("!BBHHH", 128 if six else 8, 0, 0, os.getpid() & 0xffff, 1)
        if not six:
            total = sum(struct.unpack("!4H", packet))
            packet = struct.pack("!BBHHH", 8, 0, 0xffff - (total + (total >> 16)) & 0xffff, os.getpid() & 0xffff, 1)
        sock.sendto(packet, (address, 0))
        while True:
            heard = sock.recv(256)
            if heard[0 if six else 20] == (129 if six else 0):
                return ["alive"]


def echoes(connection, seconds=PATIENCE):
    """Does an open connection still carry something there and back?"""
    connection.settimeout(seconds)
    try:
        connection.sendall(b"x")
        return connection.recv(16) != b""
    except OSError:
        return False
