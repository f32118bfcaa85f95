/* <clients> of a container cluster: whose certificates it takes. Without any, security/clients.pem says so.
 * Source: https://docs.vespa.ai/en/security/guide.html */
#include "base/buffer.h"
#include "base/text.h"
#include "zone/package_grammar.h"

#include <string.h>

enum { CLIENTS_LONGEST = 60000 };

static bool is_client_id(const char *text)
{
    return *text && text[0] != '_' && strlen(text) <= 100;
}

/* Nodes cannot tell yet who may only read; taking the words and letting everybody write would be worse. */
static bool may_do_both(const char *text)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    char **words;
    size_t count = text_split(arena, text, ',', &words);
    bool reads = false, writes = false, others = false;
    for (size_t i = 0; i < count; i++) {
        const char *word = text_trim(arena, words[i]);
        reads |= text_equal(word, "read");
        writes |= text_equal(word, "write");
        others |= !text_equal(word, "read") && !text_equal(word, "write");
    }
    return reads && writes && !others;
}

static const struct text_rule rule_client_id = {is_client_id, "an id that does not begin with _"},
                              rule_permissions = {may_do_both, "read,write: nodes do not tell readers from "
                                                               "writers yet"};

static const struct attribute_rule certificate_attributes[] = {{.name = "file", .required = true}, {0}};
static const struct attribute_rule client_attributes[] = {
    {.name = "id", .text = &rule_client_id, .required = true},
    {.name = "permissions", .text = &rule_permissions, .required = true},
    {0}};
static const struct element_rule certificate_rule = {
    .name = "certificate", .most = 100, .attributes = certificate_attributes};
static const struct element_rule token_rule = {
    .name = "token", .refusal = "clients with tokens are not offered: give the client a certificate"};
static const struct element_rule client_rule = {
    .name = "client",
    .most = 100,
    .attributes = client_attributes,
    .children = (const struct element_rule *const[]){&certificate_rule, &token_rule, NULL}};
static const struct element_rule clients_rule = {
    .name = "clients", .children = (const struct element_rule *const[]){&client_rule, NULL}};

static int append_file(const struct resolving *resolving, xmlNode *certificate, struct buffer *pem,
                       struct error *err)
{
    const char *path = xml_attribute(resolving->arena, certificate, "file");
    const struct package_file *file = application_package_file(resolving->package, path);
    if (!file)
        return package_refuse_at(err, SERVICES_FILE, certificate, "the package has no file '%.100s'", path);
    if (!text_utf8(file->bytes, file->length))
        return package_refuse_at(err, SERVICES_FILE, certificate, "%.100s is not text", path);
    if (pem->length + file->length + 1 > CLIENTS_LONGEST)
        return package_refuse_at(err, SERVICES_FILE, certificate,
                                 "the clients' certificates together are larger than %d bytes",
                                 CLIENTS_LONGEST);
    buffer_append(pem, file->bytes, file->length);
    if (file->length && file->bytes[file->length - 1] != '\n')
        buffer_append(pem, "\n", 1);
    return 0;
}

static int append_client(const struct resolving *resolving, xmlNode *client, struct buffer *pem,
                         struct error *err)
{
    const char *id = xml_attribute(resolving->arena, client, "id");
    for (xmlNode *other = xml_next(client, "client"); other; other = xml_next(other, "client"))
        if (text_equal(xml_attribute(resolving->arena, other, "id"), id))
            return package_refuse_at(err, SERVICES_FILE, other, "another client has the id '%.60s'", id);
    xmlNode *certificate = xml_first(client, "certificate");
    if (!certificate)
        return package_refuse_at(err, SERVICES_FILE, client, "client '%.60s' has no <certificate file=\"…\">",
                                 id);
    for (; certificate; certificate = xml_next(certificate, "certificate"))
        if (append_file(resolving, certificate, pem, err) < 0)
            return -1;
    return 0;
}

int package_take_clients(struct resolving *resolving, xmlNode *element, struct wanted_cluster *cluster,
                         struct error *err)
{
    xmlNode *clients = xml_first(element, clients_rule.name);
    cluster->clients_pem = resolving->package->clients_pem;
    if (!clients)
        return 0;
    if (xml_next(clients, clients_rule.name))
        return package_refuse_at(err, SERVICES_FILE, xml_next(clients, clients_rule.name),
                                 "cluster '%s' has another", cluster->id);
    if (package_check(resolving->arena, SERVICES_FILE, clients, &clients_rule, err) < 0)
        return -1;
    if (!xml_first(clients, "client"))
        return package_refuse_at(err, SERVICES_FILE, clients,
                                 "names no <client>: nobody could use cluster '%s'", cluster->id);
    cleanup(buffer_free) struct buffer pem = buffer_new(CLIENTS_LONGEST);
    for (xmlNode *client = xml_first(clients, "client"); client; client = xml_next(client, "client"))
        if (append_client(resolving, client, &pem, err) < 0)
            return -1;
    cluster->clients_pem = arena_strdup(resolving->arena, buffer_string(&pem));
    return 0;
}
