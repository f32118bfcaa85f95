"""What the machines of test_reachability.py run: says on every port, by TCP and UDP, who it is and who asks."""
import socket
import threading

TCP, UDP = (22, 80, 443, 4443), (53, 5000)
me = socket.gethostname()


def stream(port):
    listener = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
    while True:
        connection, peer = listener.accept()
        threading.Thread(target=talk, args=(connection, peer), daemon=True).start()


def talk(connection, peer):
    connection.sendall(f"{me} {peer[0].removeprefix('::ffff:')}\n".encode())
    while data := connection.recv(4096):
        connection.sendall(data)


def datagrams(port):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(("", port))
    while True:
        _, peer = sock.recvfrom(4096)
        sock.sendto(f"{me} {peer[0].removeprefix('::ffff:')}\n".encode(), peer)


for port in TCP:
    threading.Thread(target=stream, args=(port,), daemon=True).start()
for port in UDP:
    threading.Thread(target=datagrams, args=(port,), daemon=True).start()
print("serving", flush=True)
threading.Event().wait()
