#include "agents.h"
#include "base/file.h"
#include "base/text.h"
#include "identity/athenz.h"
#include "sia/generation.h"
#include "zone/names.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS (24LL * 3600 * 1000)

struct issuer {
    struct arena *arena;
    struct key *authority_key, *key;
    struct authority *authority;
    const char *ca_pem, *provider, *key_pem, *public_pem;
};

static void die(const char *what, const struct error *err)
{
    fprintf(stderr, "bench_agents: %s: %s\n", what, err->message);
    exit(1);
}

static char *issue(struct issuer *issuer, const struct key *key, const char *domain, const char *service,
                   const char *provider, const char *instance_id)
{
    struct error err = {0};
    struct names names = {0};
    char *pem;
    athenz_service_names(issuer->arena, domain, service, provider, instance_id, &names);
    if (authority_issue(issuer->authority, issuer->arena, key_public_pem(issuer->arena, key), &names,
                        7 * DAY_MS, &pem, &err) < 0)
        die(service, &err);
    return pem;
}

/* As sia keeps an identity. */
static void save_generation(struct issuer *issuer, const char *directory, const char *service)
{
    struct error err = {0};
    cleanup(key_free) struct key *key = NULL;
    if (directory_make(directory, 0700, &err) < 0 || key_generate(&key, &err) < 0)
        die(directory, &err);
    char *pem = issue(issuer, key, VESPA_DOMAIN, service, "vespa.aws", "i-bench");
    if (generation_save(directory, key, pem, issuer->ca_pem, &err) < 0)
        die(directory, &err);
}

static void save_pair(struct issuer *issuer, const char *directory, const char *name, const char *domain,
                      const char *service)
{
    struct error err = {0};
    cleanup(key_free) struct key *key = NULL;
    if (key_generate(&key, &err) < 0)
        die(name, &err);
    char *pem = issue(issuer, key, domain, service, "vespa.aws", "i-bench");
    if (key_save(key, arena_format(issuer->arena, "%s/%s-key.pem", directory, name), &err) < 0 ||
        file_write(arena_format(issuer->arena, "%s/%s.pem", directory, name), pem, strlen(pem), 0600, &err) <
            0)
        die(name, &err);
}

int identities_make(const char *directory, const char *zone)
{
    struct error err = {0};
    struct issuer issuer = {.arena = arena_new()};
    struct zone_id id;
    char *ca;
    if (zone_parse(zone, &id, &err) < 0 ||
        authority_create(issuer.arena, "bench", 1, &issuer.authority_key, &ca, &err) < 0 ||
        authority_open(ca, issuer.authority_key, &issuer.authority, &err) < 0 ||
        key_save(issuer.authority_key, arena_format(issuer.arena, "%s/ca-key.pem", directory), &err) < 0 ||
        file_write(arena_format(issuer.arena, "%s/ca.pem", directory), ca, strlen(ca), 0644, &err) < 0)
        die("authority", &err);
    issuer.ca_pem = ca;
    const char *configserver = zone_configserver_name(issuer.arena, &id),
               *provider = zone_provider_name(issuer.arena, &id);
    char *state = arena_format(issuer.arena, "%s/state/identity", directory);
    save_generation(&issuer, arena_format(issuer.arena, "%s/configserver", state),
                    configserver + strlen(VESPA_DOMAIN "."));
    save_generation(&issuer, arena_format(issuer.arena, "%s/provider", state),
                    provider + strlen(VESPA_DOMAIN "."));
    save_pair(&issuer, directory, "controller", VESPA_DOMAIN, "controller");
    save_pair(&issuer, directory, "operator", VESPA_DOMAIN ".operator", "bench");
    authority_close(&issuer.authority);
    key_free(&issuer.authority_key);
    arena_free(&issuer.arena);
    return 0;
}

struct issuer *issuer_open(const char *directory, const char *zone)
{
    struct error err = {0};
    struct issuer *issuer = memory_alloc(sizeof *issuer);
    struct zone_id id;
    char *ca;
    size_t length;
    issuer->arena = arena_new();
    if (zone_parse(zone, &id, &err) < 0 ||
        file_read(issuer->arena, arena_format(issuer->arena, "%s/ca.pem", directory), 16384, &ca, &length,
                  &err) < 0 ||
        key_load(arena_format(issuer->arena, "%s/ca-key.pem", directory), &issuer->authority_key, &err) < 0 ||
        authority_open(ca, issuer->authority_key, &issuer->authority, &err) < 0 ||
        key_generate(&issuer->key, &err) < 0)
        die("authority", &err);
    issuer->ca_pem = ca;
    issuer->provider = zone_provider_name(issuer->arena, &id);
    issuer->key_pem = key_pem(issuer->arena, issuer->key);
    return issuer;
}

void issuer_issue(struct issuer *issuer, const char *tenant, const char *instance_id,
                  gnutls_certificate_credentials_t *credentials)
{
    const char *domain = arena_format(issuer->arena, VESPA_DOMAIN ".tenant.%s", tenant);
    char *pem = issue(issuer, issuer->key, domain, "tenant-host", issuer->provider, instance_id);
    const gnutls_datum_t certificate = {(unsigned char *)pem, (unsigned)strlen(pem)},
                         key = {(unsigned char *)issuer->key_pem, (unsigned)strlen(issuer->key_pem)};
    gnutls_certificate_allocate_credentials(credentials);
    if (gnutls_certificate_set_x509_key_mem(*credentials, &certificate, &key, GNUTLS_X509_FMT_PEM) < 0) {
        fprintf(stderr, "bench_agents: certificate of %s\n", instance_id);
        exit(1);
    }
}
