/* tenant create, show, add-key: what an operator and a tenant's administrator do once. */
#include "base/file.h"
#include "cli/cli.h"
#include "cli/controller.h"
#include "identity/key.h"

#include <stdio.h>
#include <string.h>

static const char *key_path, *external_id, *role;

/* A PEM public key from a file that holds it, or the public half of a private key file. */
static int read_public_key(struct cli *cli, const char *path, char **pem, struct error *err)
{
    char *text;
    if (file_read(cli->arena, path, 64 * 1024, &text, NULL, err) < 0)
        return -1;
    if (strstr(text, "PUBLIC KEY")) {
        *pem = text;
        return 0;
    }
    cleanup(key_free) struct key *key = NULL;
    if (key_parse(text, &key, err) < 0)
        return error_context(err, "%s", path);
    *pem = key_public_pem(cli->arena, key);
    return 0;
}

static int post(struct cli *cli, enum controller_caller as, const char *path, json_t *body, json_t **answer,
                struct error *err)
{
    char *text = json_text(cli->arena, body);
    json_decref(body);
    const struct controller_call call = {.as = as,
                                         .method = HTTP_POST,
                                         .path = path,
                                         .content_type = "application/json",
                                         .body = text,
                                         .length = strlen(text)};
    return controller_call(cli, &call, answer, err);
}

static int create_tenant(struct cli *cli, struct error *err)
{
    char *pem;
    if (!key_path)
        return error_set(err, ERROR_INVALID, "give the tenant's first public key: --key FILE (enclave auth api-key makes one)");
    if (read_public_key(cli, key_path, &pem, err) < 0)
        return -1;
    json_t *body = json_pack("{s:s, s:s*}", "key", pem, "externalId", external_id), *answer;
    if (post(cli, AS_OPERATOR, arena_format(cli->arena, "/application/v4/tenant/%s", cli->words[0]), body, &answer,
             err) < 0)
        return -1;
    if (cli->json)
        print_json(cli, answer);
    else
        printf("tenant %s; its external id is %s\n", cli->words[0], or_dash(json_member_text(answer, "externalId")));
    return 0;
}

static void print_tenant(json_t *tenant)
{
    printf("tenant       %s\nexternal id  %s\n", or_dash(json_member_text(tenant, "tenant")),
           or_dash(json_member_text(tenant, "externalId")));
    size_t index;
    json_t *item;
    json_array_foreach(json_object_get(tenant, "cloudAccounts"), index, item)
        printf("account      %s\n", or_dash(json_member_text(item, "cloudAccount")));
    json_array_foreach(json_object_get(tenant, "applications"), index, item)
        printf("application  %s.%s\n", or_dash(json_member_text(item, "application")),
               or_dash(json_member_text(item, "instance")));
}

static int show_tenant(struct cli *cli, struct error *err)
{
    const char *tenant = settings_need(cli->word_count ? cli->words[0] : cli->settings.tenant, "tenant", err);
    json_t *answer;
    if (!tenant || controller_get(cli, &answer, err, "/application/v4/tenant/%s", tenant) < 0)
        return -1;
    if (cli->json)
        print_json(cli, answer);
    else
        print_tenant(answer);
    return 0;
}

static int add_key(struct cli *cli, struct error *err)
{
    const char *tenant = settings_need(cli->settings.tenant, "tenant", err);
    char *pem;
    json_t *answer;
    if (!tenant || read_public_key(cli, cli->words[0], &pem, err) < 0)
        return -1;
    json_t *body = json_pack("{s:s, s:s}", "key", pem, "role", role ? role : "developer");
    if (post(cli, AS_TENANT, arena_format(cli->arena, "/application/v4/tenant/%s/key", tenant), body, &answer, err) < 0)
        return -1;
    printf("enrolled as %s of %s\n", role ? role : "developer", tenant);
    return 0;
}

static const struct flag create_flags[] = {
    {"key", "FILE", "the first administrator's key (PEM, public or private)", &key_path, NULL},
    {"external-id", "ID", "the external id of the tenant's AWS roles; made up when absent", &external_id, NULL},
    {NULL},
};
static const struct flag key_flags[] = {
    {"role", "ROLE", "reader, developer or administrator (default developer)", &role, NULL},
    {NULL},
};

const struct command tenant_commands[] = {
    {"tenant create", "NAME --key FILE", "make a tenant (operators)", create_tenant, create_flags, 1, 1},
    {"tenant show", "[NAME]", "the tenant's accounts, applications and external id", show_tenant, NULL, 0, 1},
    {"tenant add-key", "PUBLIC-KEY-FILE", "enrol another API key (administrators)", add_key, key_flags, 1, 1},
    {NULL},
};
