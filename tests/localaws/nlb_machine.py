"""What the instances behind load balancers run in test_nlb.py and test_privatelink.py: HTTP on 4443, over TLS on 4444, and
datagrams on 5353; each says who it is, who asked, and the proxy protocol header that came first, in hex."""
import json
import socket
import ssl
import struct
import threading

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def exactly(connection, length):
    got = b""
    while len(got) < length and (more := connection.recv(length - len(got))):
        got += more
    return got


def proxy_header(connection):
    if connection.recv(12, socket.MSG_PEEK | socket.MSG_WAITALL) != SIGNATURE:
        return b""
    start = exactly(connection, 16)
    return start + exactly(connection, struct.unpack("!H", start[14:])[0])


def answer(connection, peer, tls):
    with connection:
        connection.settimeout(5)
        header = proxy_header(connection)
        if tls:
            connection = tls.wrap_socket(connection, server_side=True)
        request = b""
        while b"\r\n\r\n" not in request and (more := connection.recv(65536)):
            request += more
        status = "503 Unwell" if b" /unwell " in request[:64] else "200 OK"
        body = json.dumps({"host": socket.gethostname(), "peer": peer[0].removeprefix("::ffff:"), "header": header.hex(),
                           "alpn": tls and connection.selected_alpn_protocol()})
        connection.sendall(f"HTTP/1.0 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


def serve(port, tls=None):
    def quietly(*arguments):
        try:
            answer(*arguments)
        except OSError:
            pass
    server = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)
    while True:
        connection, peer = server.accept()
        threading.Thread(target=quietly, args=(connection, peer, tls), daemon=True).start()


def echo(port):
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.bind(("::", port))
    while True:
        data, peer = server.recvfrom(2048)
        server.sendto(f"{socket.gethostname()} {peer[0]} {data.decode()}".encode(), peer)


def main(certificate):
    with open("/run/certificate.pem", "w") as file:
        file.write(certificate)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain("/run/certificate.pem")
    tls.set_alpn_protocols(["h2", "http/1.1"])
    threading.Thread(target=serve, args=(4444, tls), daemon=True).start()
    threading.Thread(target=echo, args=(5353,), daemon=True).start()
    serve(4443)
