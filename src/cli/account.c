/* account register: proves to the controller that this AWS account is the tenant's, without sending a secret. */
#include "aws/sts.h"
#include "cli/cli.h"
#include "cli/controller.h"
#include "identity/key.h"

#include <stdio.h>
#include <string.h>

static int post(struct cli *cli, const char *path, const char *text, json_t **answer, struct error *err)
{
    const struct controller_call call = {.method = HTTP_POST,
                                         .path = path,
                                         .content_type = "application/json",
                                         .body = text,
                                         .length = strlen(text),
                                         .timeout_ms = 60000};
    return controller_call(cli, &call, answer, err);
}

/* The proof is bound to the API key that signs the request: nobody else can use it. */
static int make_proof(struct cli *cli, const char *nonce, const char *account, json_t **proof_json, struct error *err)
{
    const char *path = settings_need(cli->settings.api_key, "apiKey", err);
    cleanup(key_free) struct key *key = NULL;
    cleanup(aws_credentials_free) struct aws_credentials *credentials = aws_credentials_default();
    cleanup(aws_client_free) struct aws_client *aws = NULL;
    struct sts_identity identity;
    struct sts_proof proof;
    if (!path || key_load(path, &key, err) < 0 ||
        aws_client_new(credentials, cli->settings.aws_region, &aws, err) < 0 ||
        sts_get_caller_identity(aws, cli->arena, &identity, err) < 0)
        return -1;
    if (strcmp(identity.account, account) != 0)
        return error_set(err, ERROR_INVALID,
                         "these AWS credentials are of account %s, not %s: set AWS_PROFILE to one of %s",
                         identity.account, account, account);
    if (sts_proof_make(aws, cli->arena, nonce, key_public_hash(cli->arena, key), &proof, err) < 0)
        return -1;
    *proof_json = record_write(&sts_proof_record, &proof);
    return 0;
}

static int register_account(struct cli *cli, struct error *err)
{
    const char *account = cli->words[0], *tenant = settings_need(cli->settings.tenant, "tenant", err);
    json_t *answer, *proof = NULL;
    if (!tenant)
        return -1;
    char *path = arena_format(cli->arena, "/application/v4/tenant/%s/cloud-account", tenant);
    if (post(cli, arena_format(cli->arena, "%s/challenge", path), "{}", &answer, err) < 0)
        return -1;
    const char *nonce = json_member_text(answer, "nonce");
    if (!nonce)
        return error_set(err, ERROR_UNAVAILABLE, "the controller gave no nonce");
    if (make_proof(cli, nonce, account, &proof, err) < 0)
        return -1;
    json_t *body = json_pack("{s:s, s:s, s:o}", "account", account, "nonce", nonce, "proof", proof);
    char *text = json_text(cli->arena, body);
    json_decref(body);
    if (post(cli, path, text, &answer, err) < 0)
        return -1;
    if (cli->json)
        print_json(cli, answer);
    else
        printf("account %s is registered to %s\n", account, tenant);
    return 0;
}

const struct command account_commands[] = {
    {"account register", "ACCOUNT",
     "register an AWS account with the tenant (needs AWS credentials of that account, and Terraform applied there)",
     register_account, NULL, 1, 1},
    {NULL},
};
