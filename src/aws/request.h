/* One signed request to AWS, retried as AWS asks, for the files of this folder: the protocols (client.c) and
 * S3 build on it. Not for other folders. */
#ifndef AWS_REQUEST_H
#define AWS_REQUEST_H

#include "aws/client.h"
#include "net/http_client.h"

enum aws_protocol { AWS_EC2, AWS_QUERY, AWS_JSON, AWS_REST_XML };

struct aws_service {
    const char *name;        /* SigV4's */
    const char *variable;    /* AWS_ENDPOINT_URL_<this> */
    const char *host_format; /* with the region, when it takes one */
    const char *version;     /* of the query protocols */
    const char *region;      /* that of global services, signed for whatever region the client has */
    enum aws_protocol protocol;
};
const struct aws_service *aws_service_find(const char *name); /* asserts that we know it */
bool aws_endpoint_overridden(const struct aws_service *service);

struct aws_request {
    const struct aws_service *service;
    const char *what; /* for messages: "ec2 RunInstances" */
    enum http_method method;
    const char *path, *query;    /* encoded, as they go on the wire */
    struct http_headers headers; /* besides those of the signature */
    const char *payload_hash;    /* NULL: of the body in memory */
    const void *body;
    size_t body_length;
    int body_file;       /* > 0: body_length bytes from its offset on */
    int timeout_ms;      /* 0 is 30 s */
    size_t answer_limit; /* 0 is the client's */
    bool once;           /* no retries */
};
enum { AWS_TRIES = 4 };
/* 0 with a reply below 400; otherwise AWS's error. */
int aws_send(struct aws_client *client, const struct aws_request *request, struct arena *arena,
             struct http_reply *reply, struct error *err);

/* The error in an answer of status >= 400: AWS's code, the kind it means, its message. Always -1. */
int aws_error(const struct aws_request *request, const struct http_reply *reply, struct arena *arena,
              struct error *err);

/* Waits before the next try, after so many (from 1 on). */
void aws_back_off(int tries);

/* The HTTP client all AWS calls of this process share; its trust is AWS_CA_BUNDLE's. */
int aws_http_client(struct http_client **http, struct error *err);
/* "host:port" of an URL; in the arena. */
char *aws_authority(struct arena *arena, const char *url);

#endif
