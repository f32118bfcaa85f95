/* query, feed: the application's own endpoint, over mTLS. */
#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/controller.h"
#include "cli/data_plane.h"
#include "identity/athenz.h"
#include "net/http_client.h"

#include <stdio.h>
#include <string.h>

static int find_endpoint(struct cli *cli, const char **url, struct error *err)
{
    char *path = deployment_path(cli, err);
    json_t *answer;
    if (!path || controller_get(cli, &answer, err, "%s", path) < 0)
        return -1;
    const char *found = json_member_text(json_array_get(json_object_get(answer, "endpoints"), 0), "url");
    if (!found)
        return error_set(err, ERROR_UNAVAILABLE, "the deployment has no endpoint yet: enclave run shows how far it is");
    *url = arena_strndup(cli->arena, found, strlen(found) - text_ends(found, "/"));
    return 0;
}

int data_plane_open(struct cli *cli, struct data_plane *plane, struct error *err)
{
    const struct settings *settings = &cli->settings;
    const struct tls_files files = {
        .certificate = settings_need(settings->data_plane_certificate, "dataPlaneCertificate", err),
        .key = settings->data_plane_key,
        .trust = settings->trust};
    if (!files.certificate || find_endpoint(cli, &plane->url, err) < 0)
        return -1;
    if (tls_context_new(&files, TLS_CLIENT_NONE, &plane->tls, err) < 0)
        return -1;
    const struct http_client_options options = {
        .tls = plane->tls,
        .check_peer = principal_check_peer,
        .context = arena_format(cli->arena, "vespa.tenant.%s.%s.%s", settings->tenant, settings->application,
                                settings->instance),
        .user_agent = "enclave/" ENCLAVE_VERSION};
    return http_client_new(&options, &plane->client, err);
}

void data_plane_close(struct data_plane *plane)
{
    http_client_free(&plane->client);
    tls_context_free(&plane->tls);
}

int data_plane_call(struct cli *cli, struct data_plane *plane, enum http_method method, const char *path,
                    const char *body, json_t **answer, struct error *err)
{
    struct http_call call = {.method = method,
                             .url = arena_format(cli->arena, "%s%s", plane->url, path),
                             .body = body,
                             .body_length = body ? strlen(body) : 0};
    if (body)
        http_headers_add(cli->arena, &call.headers, "Content-Type", "application/json");
    struct http_reply reply;
    if (http_call(plane->client, &call, cli->arena, &reply, err) < 0 || http_reply_check(&reply, NULL, err) < 0)
        return -1;
    return json_parse(cli->arena, reply.body, reply.length, answer, err);
}

static void print_hits(json_t *answer)
{
    json_t *root = json_object_get(answer, "root"), *hit, *value;
    size_t index;
    const char *name;
    printf("%lld hits\n", (long long)json_integer_value(json_object_get(json_object_get(root, "fields"), "totalCount")));
    json_array_foreach(json_object_get(root, "children"), index, hit)
    {
        printf("%zu  %s  relevance %.3f\n", index + 1, or_dash(json_member_text(hit, "id")),
               json_number_value(json_object_get(hit, "relevance")));
        json_object_foreach(json_object_get(hit, "fields"), name, value)
            if (json_is_string(value))
                printf("     %s: %s\n", name, json_string_value(value));
    }
}

static int query(struct cli *cli, struct error *err)
{
    cleanup(data_plane_close) struct data_plane plane = {0};
    json_t *answer;
    if (data_plane_open(cli, &plane, err) < 0)
        return -1;
    char *path = arena_format(cli->arena, "/search/?query=%s", percent_encode(cli->arena, cli->words[0], false));
    if (data_plane_call(cli, &plane, HTTP_GET, path, NULL, &answer, err) < 0)
        return -1;
    if (cli->json)
        print_json(cli, answer);
    else
        print_hits(answer);
    return 0;
}

/* "id:mynamespace:music::a-head-full-of-dreams" -> "/document/v1/mynamespace/music/docid/a-head-full-of-dreams" */
static char *document_path(struct cli *cli, const char *id, struct error *err)
{
    char **parts;
    if (text_split(cli->arena, id, ':', &parts) < 5 || !text_equal(parts[0], "id") || !*parts[1] || !*parts[2]) {
        error_set(err, ERROR_INVALID, "\"%s\" is not a document id like id:namespace:type::name", id);
        return NULL;
    }
    const char *user = strstr(id, "::") ? strstr(id, "::") + 2 : "";
    return arena_format(cli->arena, "/document/v1/%s/%s/docid/%s", percent_encode(cli->arena, parts[1], false),
                        percent_encode(cli->arena, parts[2], false), percent_encode(cli->arena, user, false));
}

static int put_document(struct cli *cli, struct data_plane *plane, json_t *document, struct error *err)
{
    const char *id = json_member_text(document, "put");
    json_t *fields = json_object_get(document, "fields"), *answer;
    if (!id || !json_is_object(fields))
        return error_set(err, ERROR_INVALID, "a document needs \"put\": \"id:namespace:type::name\" and \"fields\"");
    char *path = document_path(cli, id, err);
    if (!path)
        return -1;
    json_t *body = json_pack("{s:O}", "fields", fields);
    char *text = json_text(cli->arena, body);
    json_decref(body);
    return data_plane_call(cli, plane, HTTP_POST, path, text, &answer, err);
}

/* One document, or an array of them; returns how many. */
static int feed_file(struct cli *cli, struct data_plane *plane, const char *path, struct error *err)
{
    char *text;
    size_t length, index;
    json_t *json, *document;
    if (file_read(cli->arena, path, 16 << 20, &text, &length, err) < 0 ||
        json_parse(cli->arena, text, length, &json, err) < 0)
        return error_context(err, "%s", path);
    if (json_is_object(json))
        return put_document(cli, plane, json, err) < 0 ? error_context(err, "%s", path) : 1;
    json_array_foreach(json, index, document)
        if (put_document(cli, plane, document, err) < 0)
            return error_context(err, "%s", path);
    return (int)json_array_size(json);
}

static int feed(struct cli *cli, struct error *err)
{
    cleanup(data_plane_close) struct data_plane plane = {0};
    if (data_plane_open(cli, &plane, err) < 0)
        return -1;
    int fed = 0;
    for (int i = 0; i < cli->word_count; i++) {
        int count = feed_file(cli, &plane, cli->words[i], err);
        if (count < 0)
            return -1;
        fed += count;
    }
    printf("%d documents fed\n", fed);
    return 0;
}

const struct command data_commands[] = {
    {"feed", "FILE...", "put the documents of JSON files", feed, NULL, 1, 10000},
    {"query", "TEXT", "search the application", query, NULL, 1, 1},
    {NULL},
};
