#include "configserver/hosts/provider.h"

#include "base/log.h"
#include "base/text.h"
#include "configserver/decide/endpoint.h"
#include "configserver/hosts/nonces.h"
#include "configserver/hosts/spec.h"
#include "zone/host_spec.h"

#include <arpa/inet.h>
#include <string.h>

#define HOST_SERVICE "tenant-host"

/* One question of zts's, as it is being judged. */
struct inquiry {
    struct zone *zone;
    struct arena *arena;
    const struct view *view;
    const struct instance_confirmation *asked;
    const struct instance_attributes *attributes;
};

#define refuse(err, ...) error_set((err), ERROR_FORBIDDEN, __VA_ARGS__)

/* The same address may be written in several ways. */
static bool same_address(const char *a, const char *b)
{
    struct in6_addr left, right;
    return inet_pton(AF_INET6, a, &left) == 1 && inet_pton(AF_INET6, b, &right) == 1 &&
           memcmp(&left, &right, sizeof left) == 0;
}

/* Every comma-joined DNS name must be its own or one of its endpoint's. */
static bool dns_names_are_its(const struct inquiry *inquiry, const char *hostname, const struct node *node)
{
    VIEW(view, inquiry->zone->repository);
    const char *names[ENDPOINT_NAMES], **parts;
    const struct load_balancer *balancer =
        node ? view_find(view, RECORD_LOAD_BALANCER,
                         endpoint_id(inquiry->arena, node->application, node->cluster))
             : NULL;
    size_t named = balancer ? endpoint_names(inquiry->arena, balancer, names) : 0;
    size_t count = text_empty(inquiry->attributes->san_dns)
                       ? 0
                       : text_split(inquiry->arena, inquiry->attributes->san_dns, ',', (char ***)&parts);
    for (size_t i = 0; i < count; i++) {
        bool its = text_equal(parts[i], hostname);
        for (size_t j = 0; j < named; j++)
            its = its || text_equal(parts[i], names[j]);
        if (!its)
            return false;
    }
    return true;
}

/* Every comma-joined name must be `only`; none at all is fine. */
static bool only_name(struct arena *arena, const char *names, const char *only,
                      bool (*same)(const char *a, const char *b))
{
    char **parts;
    if (text_empty(names))
        return true;
    size_t count = text_split(arena, names, ',', &parts);
    for (size_t i = 0; i < count; i++)
        if (!only || !same(text_trim(arena, parts[i]), only))
            return false;
    return true;
}

static int check_names(const struct inquiry *inquiry, const char *hostname, const char *address,
                       const struct node *node, struct error *err)
{
    const struct instance_confirmation *asked = inquiry->asked;
    const char *spiffe = arena_format(inquiry->arena, "spiffe://%s/sa/%s", asked->domain, asked->service);
    const char *instance = arena_format(inquiry->arena, "athenz://instanceid/%s/%s", asked->provider,
                                        inquiry->attributes->instance_id);
    char **uris;
    size_t count = text_empty(inquiry->attributes->san_uri)
                       ? 0
                       : text_split(inquiry->arena, inquiry->attributes->san_uri, ',', &uris);
    for (size_t i = 0; i < count; i++)
        if (!text_equal(uris[i], spiffe) && !text_equal(uris[i], instance))
            return refuse(err, "asks for the URI %.200s", uris[i]);
    if (!dns_names_are_its(inquiry, hostname, node))
        return refuse(err, "asks for the DNS names %.200s, its own is %s", inquiry->attributes->san_dns,
                      hostname);
    if (!only_name(inquiry->arena, inquiry->attributes->san_ip, address, same_address))
        return refuse(err, "asks for the addresses %.200s, its own is %s", inquiry->attributes->san_ip,
                      address ? address : "none");
    return 0;
}

/* Whether the host may have an identity at all; `again` for a refresh, which an admitted host may do, too. */
static int check_host_record(const struct inquiry *inquiry, const struct host *host, bool again,
                             struct error *err)
{
    const struct instance_confirmation *asked = inquiry->asked;
    if (!host)
        return refuse(err, "no host was launched as this instance");
    if (!text_equal(host->instance_id, inquiry->attributes->instance_id))
        return refuse(err, "host %s is instance %s", host->hostname,
                      host->instance_id ? host->instance_id : "none");
    if (!text_equal(asked->domain, arena_format(inquiry->arena, VESPA_DOMAIN ".tenant.%s", host->tenant)))
        return refuse(err, "host %s belongs to tenant %s", host->hostname, host->tenant);
    if (again ? host->state < HOST_PROVISIONED || host->state > HOST_DEPROVISIONING
              : host->state != HOST_PROVISIONED)
        return refuse(err, "host %s is %s", host->hostname, host_state_names[host->state]);
    return 0;
}

static int check_document(const struct inquiry *inquiry, const struct host *host,
                          const struct attested *attested, struct error *err)
{
    const struct config *config = inquiry->zone->config;
    int64_t age = zone_now_ms(inquiry->zone) - attested->pending_ms;
    if (!text_equal(attested->account, host->account))
        return refuse(err, "the identity document is of account %s, the host runs in %s", attested->account,
                      host->account);
    if (!text_equal(attested->instance_id, host->instance_id))
        return refuse(err, "the identity document is of instance %s, not %s", attested->instance_id,
                      host->instance_id);
    if (!text_equal(attested->region, config->aws_region))
        return refuse(err, "the identity document is of region %s, not %s", attested->region,
                      config->aws_region);
    if (age > DOCUMENT_OLDEST_MS || age < -60 * 1000)
        return refuse(err, "the instance started %lld s ago, more than %d", (long long)(age / 1000),
                      DOCUMENT_OLDEST_MS / 1000);
    return 0;
}

static int check_proof(const struct inquiry *inquiry, const struct host *host,
                       const struct attested *attested, struct error *err)
{
    const char *role = host_role_name(inquiry->arena, host->tenant, host->account);
    if (!text_equal(attested->proof_account, host->account) || !text_equal(attested->proof_role, role))
        return refuse(err, "STS knows the prover as role %s of account %s, not as the host role",
                      attested->proof_role ? attested->proof_role : "none", attested->proof_account);
    if (!text_equal(attested->proof_session, host->instance_id))
        return refuse(err, "STS knows the prover as session %s, not as instance %s",
                      attested->proof_session ? attested->proof_session : "none", host->instance_id);
    return 0;
}

static int write_registered(const struct inquiry *inquiry, const char *hostname, const char *key_hash,
                            struct error *err)
{
    cleanup(transaction_end) struct transaction *transaction = transaction_begin(inquiry->zone->repository);
    const struct host *host = transaction_find(transaction, RECORD_HOST, hostname);
    if (check_host_record(inquiry, host, false, err) < 0) /* it may have changed while AWS was asked */
        return -1;
    struct host next = *host;
    next.registered_at = zone_now_ms(inquiry->zone);
    next.key_hash = key_hash;
    transaction_put(transaction, RECORD_HOST, &next);
    if (!text_equal(host->key_hash, key_hash))
        application_tell(inquiry->zone, transaction, host->application, "info", "Host %s proved its identity",
                         hostname);
    return transaction_commit(&transaction, err);
}

static int confirm_host(const struct inquiry *inquiry, struct error *err)
{
    struct host_attestation attestation = {0};
    struct attested attested = {0};
    const char *data = inquiry->asked->attestation_data;
    if (!data ||
        record_parse(&host_attestation_record, inquiry->arena, data, strlen(data), &attestation, err) < 0)
        return refuse(err, "the attestation is not well-formed");
    const struct host *host = view_find(inquiry->view, RECORD_HOST, attestation.hostname);
    if (check_host_record(inquiry, host, false, err) < 0 ||
        check_names(inquiry, host->hostname, host->address, NULL, err) < 0)
        return -1;
    if (!text_equal(attestation.key_hash, inquiry->attributes->csr_public_key_hash))
        return refuse(err, "the proof is for another key than the certificate request's");
    if (!nonce_take(inquiry->zone->nonces, attestation.nonce, host->hostname, host->instance_id))
        return refuse(err, "the nonce is not one given to this host, too old, or used before");
    const struct attestor *attestor = inquiry->zone->attestor;
    if (attestor->verify(attestor->context, &attestation, inquiry->arena, &attested, err) < 0 ||
        check_document(inquiry, host, &attested, err) < 0 || check_proof(inquiry, host, &attested, err) < 0)
        return -1;
    return write_registered(inquiry, host->hostname, attestation.key_hash, err);
}

/* The node the identity asked for would be of. */
static const struct node *find_node(const struct inquiry *inquiry, struct error *err)
{
    char **parts; /* index, cluster, instance, application, tenant, ... */
    const char *id = inquiry->attributes->instance_id, *application = NULL;
    if (text_split(inquiry->arena, id ? id : "", '.', &parts) >= 5)
        application = arena_format(inquiry->arena, "%s:%s:%s", parts[4], parts[3], parts[2]);
    view_each_of(inquiry->view, NODES_OF_APPLICATION, application, struct node, node) {
        if (!text_equal(node_instance_id(inquiry->arena, &inquiry->zone->id, node),
                        inquiry->attributes->instance_id))
            continue;
        struct application_id names;
        application_names(inquiry->arena, node->application, &names);
        const char *domain =
            arena_format(inquiry->arena, VESPA_DOMAIN ".tenant.%s.%s", names.tenant, names.application);
        if (text_equal(inquiry->asked->domain, domain) && text_equal(inquiry->asked->service, names.instance))
            return node;
    }
    refuse(err, "there is no such node");
    return NULL;
}

static int check_node(const struct inquiry *inquiry, const struct node *node, const struct host **host,
                      struct error *err)
{
    *host = view_find(inquiry->view, RECORD_HOST, node->parent);
    if (!*host || (*host)->state < HOST_READY || (*host)->state > HOST_DEPROVISIONING)
        return refuse(err, "node %s has no host that runs", node->hostname);
    return check_names(inquiry, node->hostname, (*host)->node_address, node, err);
}

static int confirm_node(const struct inquiry *inquiry, struct error *err)
{
    struct node_attestation attestation = {0};
    const char *data = inquiry->asked->attestation_data;
    const struct host *host;
    const struct node *node = find_node(inquiry, err);
    if (!node || check_node(inquiry, node, &host, err) < 0)
        return -1;
    if (!data ||
        record_parse(&node_attestation_record, inquiry->arena, data, strlen(data), &attestation, err) < 0)
        return refuse(err, "the attestation is not well-formed");
    if (!text_equal(attestation.hostname, node->hostname) ||
        !text_equal(attestation.parent_hostname, node->parent))
        return refuse(err, "the attestation is of node %s on %s", attestation.hostname,
                      attestation.parent_hostname);
    const char *speaker = arena_format(inquiry->arena, VESPA_DOMAIN ".tenant.%s." HOST_SERVICE, host->tenant);
    if (!text_equal(inquiry->attributes->principal, speaker) ||
        !text_equal(inquiry->attributes->principal_instance_id, host->instance_id))
        return refuse(
            err, "node %s runs on instance %s, it was asked for by %s of %s", node->hostname,
            host->instance_id, inquiry->attributes->principal ? inquiry->attributes->principal : "nobody",
            inquiry->attributes->principal_instance_id ? inquiry->attributes->principal_instance_id : "none");
    return 0;
}

static int check_question(const struct inquiry *inquiry, struct error *err)
{
    const char *provider = zone_provider_name(inquiry->arena, &inquiry->zone->id);
    if (!text_equal(inquiry->asked->provider, provider))
        return refuse(err, "we are %s, not %s", provider, inquiry->asked->provider);
    if (!inquiry->attributes || text_empty(inquiry->attributes->instance_id) ||
        text_empty(inquiry->attributes->csr_public_key_hash))
        return refuse(err, "instance id or key hash is missing");
    return 0;
}

static int confirm_refresh(const struct inquiry *inquiry, struct error *err)
{
    const char *name = arena_format(inquiry->arena, "%s.%s", inquiry->asked->domain, inquiry->asked->service);
    if (!text_equal(inquiry->attributes->principal, name) ||
        !text_equal(inquiry->attributes->principal_instance_id, inquiry->attributes->instance_id))
        return refuse(err, "an identity is refreshed by who holds it only");
    if (!text_equal(inquiry->asked->service, HOST_SERVICE)) {
        const struct host *parent;
        const struct node *node = find_node(inquiry, err);
        return node ? check_node(inquiry, node, &parent, err) : -1;
    }
    const struct host *host = view_host_of_instance(inquiry->view, inquiry->attributes->instance_id);
    if (check_host_record(inquiry, host, true, err) < 0)
        return -1;
    return check_names(inquiry, host->hostname, host->address, NULL, err);
}

static int judge(struct zone *zone, const struct instance_confirmation *asked,
                 int (*confirm)(const struct inquiry *inquiry, struct error *err), const char *what,
                 struct error *err)
{
    VIEW(view, zone->repository);
    cleanup(arena_free) struct arena *arena = arena_new();
    const struct inquiry inquiry = {zone, arena, view, asked, asked->attributes};
    const char *instance = asked->attributes ? asked->attributes->instance_id : NULL;
    if (check_question(&inquiry, err) < 0 || confirm(&inquiry, err) < 0) {
        log_warning("identity refused", "what", what, "domain", asked->domain, "service", asked->service,
                    "instance", instance, "reason", err->message, NULL);
        return -1;
    }
    log_info("identity confirmed", "what", what, "domain", asked->domain, "service", asked->service,
             "instance", instance, NULL);
    return 0;
}

static int confirm_registration(const struct inquiry *inquiry, struct error *err)
{
    bool host = text_equal(inquiry->asked->service, HOST_SERVICE);
    return host ? confirm_host(inquiry, err) : confirm_node(inquiry, err);
}

int provider_confirm(struct zone *zone, const struct instance_confirmation *asked, struct error *err)
{
    return judge(zone, asked, confirm_registration, "register", err);
}

int provider_confirm_refresh(struct zone *zone, const struct instance_confirmation *asked, struct error *err)
{
    return judge(zone, asked, confirm_refresh, "refresh", err);
}
