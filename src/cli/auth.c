/* auth api-key, auth cert: the tenant's keys, made on the tenant's machine and never sent. */
#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "identity/certificate.h"

#include <stdio.h>
#include <string.h>

static int make_api_key(struct cli *cli, struct error *err)
{
    const char *tenant = settings_need(cli->word_count ? cli->words[0] : cli->settings.tenant, "tenant", err);
    if (!tenant)
        return -1;
    char *path = arena_format(cli->arena, "%s/%s.api-key.pem", cli->settings.home, tenant);
    if (file_exists(path))
        return error_set(err, ERROR_CONFLICT, "%s exists already: remove it first, after a new key is enrolled", path);
    cleanup(key_free) struct key *key = NULL;
    if (directory_make(cli->settings.home, 0700, err) < 0 || key_generate(&key, err) < 0 ||
        key_save(key, path, err) < 0)
        return -1;
    cli->settings.tenant = tenant;
    cli->settings.api_key = path;
    if (settings_save(cli->arena, &cli->settings, err) < 0)
        return -1;
    printf("%s", key_public_pem(cli->arena, key));
    fprintf(stderr, "The private key is in %s.\nGive the public key above to an administrator of %s, or to the vendor "
                    "for a new tenant.\n", path, tenant);
    return 0;
}

static int copy_to_application(struct cli *cli, const char *directory, const char *certificate, struct error *err)
{
    char *security = arena_format(cli->arena, "%s/security", directory);
    if (directory_make(security, 0755, err) < 0)
        return -1;
    return file_write(arena_format(cli->arena, "%s/clients.pem", security), certificate, strlen(certificate), 0644, err);
}

static int make_client_certificate(struct cli *cli, struct error *err)
{
    char *base = arena_format(cli->arena, "%s/data-plane", cli->settings.home);
    char *certificate_path = arena_format(cli->arena, "%s-public-cert.pem", base);
    char *key_path = arena_format(cli->arena, "%s-private-key.pem", base), *certificate;
    if (file_exists(certificate_path)) {
        if (file_read(cli->arena, certificate_path, 64 * 1024, &certificate, NULL, err) < 0)
            return -1;
    } else {
        cleanup(key_free) struct key *key = NULL;
        if (directory_make(cli->settings.home, 0700, err) < 0 ||
            certificate_self_signed(cli->arena, "enclave data plane client", 10, &key, &certificate, err) < 0 ||
            key_save(key, key_path, err) < 0 ||
            file_write(certificate_path, certificate, strlen(certificate), 0644, err) < 0)
            return -1;
    }
    cli->settings.data_plane_certificate = certificate_path;
    cli->settings.data_plane_key = key_path;
    if (settings_save(cli->arena, &cli->settings, err) < 0)
        return -1;
    fprintf(stderr, "The client certificate is %s.\n", certificate_path);
    return cli->word_count ? copy_to_application(cli, cli->words[0], certificate, err) : 0;
}

const struct command auth_commands[] = {
    {"auth api-key", "[TENANT]", "make the key that signs requests to the controller; prints its public half", make_api_key,
     NULL, 0, 1},
    {"auth cert", "[APPLICATION-DIRECTORY]",
     "make the client certificate for endpoints; copies it to security/clients.pem of the application",
     make_client_certificate, NULL, 0, 1},
    {NULL},
};
