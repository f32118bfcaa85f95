"""What the instances of test_machines.py run: it shows the metadata on the console and answers on port 4443, saying who
asked and what the metadata holds. Only the standard library; machines have the test machine's own files."""
import http.server
import json
import socket
import time
import urllib.request

IMDS = "http://169.254.169.254/latest/"


def ask(path, method="GET", **headers):
    request = urllib.request.Request(IMDS + path, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read().decode()


def metadata():
    token = ask("api/token", "PUT", **{"X-aws-ec2-metadata-token-ttl-seconds": "300"})
    get = lambda path: ask(path, **{"X-aws-ec2-metadata-token": token})
    role = get("meta-data/iam/security-credentials/")
    return {
        "instance-id": get("meta-data/instance-id"),
        "user-data": get("user-data"),
        "document": get("dynamic/instance-identity/document"),
        "rsa2048": get("dynamic/instance-identity/rsa2048"),
        "role": role,
        "keys": json.loads(get("meta-data/iam/security-credentials/" + role)),
        "ipv6s": get("meta-data/network/interfaces/macs/" + get("meta-data/mac") + "/ipv6s").split("\n"),
        "top": get("meta-data/").split("\n"),
    }


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"peer": self.client_address[0], **self.server.metadata}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6


for attempt in range(50):
    try:
        data = metadata()
        break
    except OSError as error:
        print("metadata:", error, flush=True)
        time.sleep(0.2)
print("metadata of", data["instance-id"], flush=True)
server = Server(("::", 4443), Answer)
server.metadata = data
server.serve_forever()
