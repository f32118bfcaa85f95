/* Calls to AWS's management APIs: finds the endpoint (AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, else
 * AWS's own), signs, sends, retries what AWS says to retry (throttling and 5xx, with full jitter, at most
 * three times), and turns AWS's error answers into errors whose `code` is AWS's ("UnauthorizedOperation").
 * One per account and region; safe to use from several threads. The trust of TLS follows AWS_CA_BUNDLE. */
#ifndef AWS_CLIENT_H
#define AWS_CLIENT_H

#include "aws/credentials.h"
#include "base/xml.h"
#include "net/http.h"

#include <jansson.h>
#include <stdbool.h>

struct aws_client;

int aws_client_new(struct aws_credentials *credentials, const char *region, struct aws_client **client,
                   struct error *err); /* credentials are borrowed */
void aws_client_free(struct aws_client **client);
/* A throttled call fails at once, for a caller that keeps AWS's pace itself; other troubles are tried again
 * as ever. Before the first call. */
void aws_client_leave_throttles(struct aws_client *client);
/* Throttled calls are tried again until so long from now: for somebody who waits for the answers of a few
 * calls and would rather wait than be refused. Before the first call. */
void aws_client_bear_throttles(struct aws_client *client, int64_t milliseconds);
/* No call lasts longer, all its tries together: for whoever has others to look after. Before the first call.
 */
void aws_client_limit_calls(struct aws_client *client, int64_t milliseconds);
int64_t aws_client_longest_call(const struct aws_client *client); /* 0: no limit but each try's */
bool aws_client_tries_throttled_again(const struct aws_client *client, int tries);
const char *aws_client_region(const struct aws_client *client);
struct aws_credentials *aws_client_credentials(const struct aws_client *client);

/* Parameters of a query-protocol call, in order: "Filter.1.Name" -> "tag:zone". A NULL value adds nothing. */
struct aws_parameters {
    struct http_headers items; /* a list of pairs */
};
void aws_parameter(struct arena *arena, struct aws_parameters *parameters, const char *value,
                   const char *name_format, ...) __attribute__((format(printf, 4, 5)));

/* EC2, IAM, STS, ELBv2. `service` is SigV4's name; the API version is known here. `*answer` is the answer's
 * root. */
int aws_query_call(struct aws_client *client, const char *service, const char *action,
                   const struct aws_parameters *parameters, struct arena *arena, xmlNode **answer,
                   struct error *err);
/* KMS, SSM. `target` like "TrentService.GenerateDataKey". */
int aws_json_call(struct aws_client *client, const char *service, const char *target, json_t *body,
                  struct arena *arena, json_t **answer, struct error *err);

/* The endpoint of a service in effect, without trailing slash; in the arena. */
char *aws_endpoint(struct arena *arena, const char *service, const char *region);

#endif
