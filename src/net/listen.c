#include "base/file.h"
#include "net/http_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static int parse_address(const char *address, uint16_t port, struct sockaddr_storage *parsed, socklen_t *length)
{
    struct sockaddr_in *four = (struct sockaddr_in *)parsed;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)parsed;
    memset(parsed, 0, sizeof *parsed);
    if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        *length = sizeof *four;
        return 0;
    }
    if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        *length = sizeof *six;
        return 0;
    }
    return -1;
}

int http_listen(const char *address, uint16_t port, int *result, struct error *err)
{
    struct sockaddr_storage parsed;
    socklen_t length;
    if (parse_address(address, port, &parsed, &length) < 0)
        return error_set(err, ERROR_INVALID, "%s is not an IP address", address);
    cleanup(file_close) int fd = socket(parsed.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_errno(err, ERROR_INTERNAL, "socket");
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (parsed.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&parsed, length) < 0 || listen(fd, BACKLOG) < 0)
        return error_errno(err, ERROR_CONFLICT, "listen on [%s]:%u", address, port);
    *result = fd;
    fd = -1;
    return 0;
}

int http_socket_port(int socket)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    if (getsockname(socket, (struct sockaddr *)&address, &length) < 0)
        return -1;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

/* A socket's path is short: it is named from its directory's descriptor. The mode is the socket's before it has a name,
 * so that there is no moment in which others may connect. */
int http_listen_local(const char *path, int *result, struct error *err)
{
    const char *slash = strrchr(path, '/');
    cleanup(memory_free) char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    cleanup(file_close) int directory = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    cleanup(file_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (directory < 0 || fd < 0)
        return error_errno(err, ERROR_UNAVAILABLE, "%s", path);
    int length = snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", directory,
                          slash ? slash + 1 : path);
    if (length >= (int)sizeof address.sun_path)
        return error_set(err, ERROR_INVALID, "%s: the name of a socket is too long", path);
    unlink(path);
    if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, BACKLOG) < 0)
        return error_errno(err, ERROR_CONFLICT, "listen on %s", path);
    *result = fd;
    fd = -1;
    return 0;
}
