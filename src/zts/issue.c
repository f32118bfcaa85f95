#include "base/log.h"
#include "base/text.h"
#include "zts/instance_request.h"
#include "zts/request_names.h"
#include "zts/serials.h"

#define DAY_MS (24LL * 3600 * 1000)

enum { CONCURRENT_REFRESHES_MOST = 3 };

/* Vendor services have instances that change little; hosts and nodes come and go. */
static int64_t lifetime_ms(const struct instance_request *request)
{
    return text_equal(request->provider, AWS_PROVIDER) ? 30 * DAY_MS : 7 * DAY_MS;
}

static struct instance_name name_of(const struct instance_request *request)
{
    return (struct instance_name){request->provider, request->wanted.name, request->instance_id};
}

static struct presented_serial presented_by(const struct principal *caller)
{
    return (struct presented_serial){caller->serial, caller->not_before_ms + CERTIFICATE_BACKDATED_MS};
}

/* A host that registers its nodes: once revoked it vouches for nobody, though its certificate has not ended.
 * A refresh is checked where its serial is recorded, because a stale one there has consequences. */
static int check_registrar(struct zts *zts, const struct instance_request *request, struct error *err)
{
    const struct principal *caller = request->caller;
    if (request->refresh || !caller || !caller->instance_id)
        return 0;
    struct instance_name instance = {caller->provider, caller->name, caller->instance_id};
    struct presented_serial presented = presented_by(caller);
    return serials_check(zts->parts.store, &instance, &presented, err);
}

static int record_serial(struct zts *zts, const struct instance_request *request,
                         const struct serial_change *change, struct error *err)
{
    struct instance_name instance = name_of(request);
    if (!request->refresh)
        return serials_register(zts->parts.store, &instance, change, err);
    struct presented_serial presented = presented_by(request->caller);
    return serials_refresh(zts->parts.store, &instance, &presented, change, err);
}

static int sign_and_record(struct zts *zts, struct arena *arena, const struct instance_request *request,
                           char **certificate_pem, struct error *err)
{
    struct certificate certificate;
    if (authority_issue(zts->parts.authority, arena, request->csr.public_key_pem, &request->csr.names,
                        lifetime_ms(request), certificate_pem, err) < 0 ||
        certificate_parse_pem(arena, *certificate_pem, &certificate, err) < 0)
        return -1;
    struct serial_change change = {.serial = certificate.serial,
                                   .expires_ms = certificate.not_after_ms,
                                   .client_ip = request->client_ip};
    if (record_serial(zts, request, &change, err) < 0)
        return -1;
    log_info(request->refresh ? "certificate refreshed" : "certificate issued", "principal",
             request->wanted.name, "instance", request->instance_id, "provider", request->provider, "serial",
             certificate.serial, "client", request->client_ip, "key", request->csr.public_key_hash, NULL);
    return 0;
}

static int read_request(struct arena *arena, struct instance_request *request, const char *csr_pem,
                        struct error *err)
{
    const char *instance_id;
    if (csr_parse(arena, csr_pem, &request->csr, err) < 0 ||
        request_names_check(arena, &request->wanted, request->provider, &request->csr, &instance_id, err) < 0)
        return -1;
    if (request->refresh && !text_equal(instance_id, request->instance_id))
        return error_set(err, ERROR_INVALID, "the CSR's instance id is not the path's");
    request->instance_id = instance_id;
    return 0;
}

int issue_certificate(struct zts *zts, struct arena *arena, struct instance_request *request,
                      const char *csr_pem, char **certificate_pem, struct error *err)
{
    if (read_request(arena, request, csr_pem, err) < 0 || check_registrar(zts, request, err) < 0 ||
        provider_confirm(zts, arena, request, err) < 0)
        return -1;
    for (int attempt = 1;; attempt++) {
        struct error failure = {0};
        if (sign_and_record(zts, arena, request, certificate_pem, &failure) == 0)
            return 0;
        if (failure.kind != ERROR_CONFLICT || attempt == CONCURRENT_REFRESHES_MOST) {
            *err = failure;
            return -1;
        }
    }
}
