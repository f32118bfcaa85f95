/* Registering an AWS account: a challenge, and its answer with proof that the account is the tenant's. */
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "controller/account_proof.h"
#include "controller/api.h"
#include "controller/state.h"
#include "zone/names.h"

enum { NONCE_DIGITS = 48, CHALLENGE_LIFE_MS = 5 * 60 * 1000 };

struct registration {
    const char *account, *nonce;
    struct sts_proof *proof;
};
static const struct field registration_fields[] = {
    FIELD_TEXT(struct registration, account, "account", REQUIRED, 12, account_is_valid, "12 digits"),
    FIELD_TEXT(struct registration, nonce, "nonce", REQUIRED, 64, NULL, "of the challenge"),
    FIELD_RECORD(struct registration, proof, "proof", REQUIRED, &sts_proof_record, "signed in the account"),
    FIELD_END,
};
static const struct record registration_record = {"registration", sizeof(struct registration), registration_fields};

int challenge_account(struct operation_call *call, struct error *err)
{
    struct tenant tenant;
    cleanup(controller_unlock) pthread_mutex_t *held = controller_lock(call->controller);
    (void)held;
    if (tenant_load(call->controller, call->arena, call->caller->tenant, &tenant, err) < 0)
        return -1;
    tenant.challenge = random_hex(call->arena, NONCE_DIGITS);
    tenant.challenge_expires_ms = clock_now_ms() + CHALLENGE_LIFE_MS;
    if (tenant_save(call->controller, call->arena, &tenant, err) < 0)
        return -1;
    call->answer = json_pack("{s:s}", "nonce", tenant.challenge);
    return 0;
}

/* A nonce is answered once, rightly or wrongly. */
static int take_challenge(struct operation_call *call, const char *nonce, struct tenant *tenant, struct error *err)
{
    cleanup(controller_unlock) pthread_mutex_t *held = controller_lock(call->controller);
    (void)held;
    if (tenant_load(call->controller, call->arena, call->caller->tenant, tenant, err) < 0)
        return -1;
    bool right = tenant->challenge && text_equal_secret(tenant->challenge, nonce) &&
                 clock_now_ms() < tenant->challenge_expires_ms;
    if (!right)
        return error_code(err, ERROR_FORBIDDEN, "PROOF_REFUSED",
                          "the nonce is not the one given last, or was used, or is older than five minutes");
    tenant->challenge = NULL;
    tenant->challenge_expires_ms = 0;
    return tenant_save(call->controller, call->arena, tenant, err);
}

/* For ever one tenant's. Who the other tenant is, is nobody's business. */
static int check_owner(struct operation_call *call, const char *account, bool *ours, struct error *err)
{
    const char *owner;
    if (account_owner(call->controller, call->arena, account, &owner, err) < 0)
        return -1;
    *ours = text_equal(owner, call->caller->tenant);
    if (owner && !*ours)
        return error_code(err, ERROR_CONFLICT, "ACCOUNT_TAKEN", "account %s belongs to another tenant", account);
    return 0;
}

int register_account(struct operation_call *call, struct error *err)
{
    json_t *body;
    struct registration wanted = {0};
    struct tenant tenant;
    bool ours;
    if (call_json(call, &body, err) < 0 ||
        record_read(&registration_record, call->arena, body, &wanted, err) < 0 ||
        take_challenge(call, wanted.nonce, &tenant, err) < 0 ||
        account_check_signer(call->controller, wanted.proof, wanted.account, wanted.nonce,
                             call->caller->signer.public_key_hash, call->arena, err) < 0 ||
        check_owner(call, wanted.account, &ours, err) < 0 ||
        account_check_roles(call->controller, &tenant, wanted.account, call->arena, err) < 0)
        return -1;
    if (!ours && account_register(call->controller, call->arena, tenant.name, wanted.account, err) < 0)
        return -1;
    log_info("account registered", "tenant", tenant.name, "account", wanted.account, "by",
             call->caller->signer.public_key_hash, NULL);
    call->answer = json_pack("{s:s+, s:s}", "cloudAccount", "aws:", wanted.account, "tenant", tenant.name);
    return 0;
}
