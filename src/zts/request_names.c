#include "zts/request_names.h"

#include "base/text.h"

#include <string.h>

#define SPIFFE_PREFIX   "spiffe://"
#define INSTANCE_PREFIX "athenz://instanceid/"

enum { DNS_LONGEST = 253, LABEL_LONGEST = 63 };

/* "*." before three labels at least: what a private endpoint's consumers call it. The instance's provider
 * knows whether it is its own. */
static const char *after_wildcard(const char *text)
{
    if (strncmp(text, "*.", 2) != 0)
        return text;
    size_t dots = 0;
    for (const char *at = text + 2; *at; at++)
        dots += *at == '.';
    return dots >= 2 ? text + 2 : text;
}

/* Lower-case labels of letters, digits and inner dashes, two at least: no empty label, no final
 * dot. */
static bool is_dns_name(const char *text)
{
    size_t labels = 1, length = 0;
    if (strlen(text) > DNS_LONGEST || !text_only(text, "a-z0-9.-"))
        return false;
    for (const char *at = text;; at++) {
        if (*at && *at != '.') {
            if (*at == '-' && length == 0)
                return false;
            length++;
            continue;
        }
        if (length == 0 || length > LABEL_LONGEST || at[-1] == '-')
            return false;
        if (!*at)
            return labels >= 2;
        labels++;
        length = 0;
    }
}

static int check_subject(const struct principal *wanted, const char *provider, const struct names *names,
                         struct error *err)
{
    if (!text_equal(names->common_name, wanted->name))
        return error_set(err, ERROR_INVALID, "the CSR's common name is \"%.100s\", not %s",
                         names->common_name ? names->common_name : "", wanted->name);
    if (names->organizational_unit && !text_equal(names->organizational_unit, provider))
        return error_set(err, ERROR_INVALID, "the CSR's organizational unit may only be %s", provider);
    return 0;
}

static int check_uris(const struct principal *wanted, const char *provider, const struct names *names,
                      const char **instance_id, struct error *err)
{
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *spiffe = arena_format(arena, SPIFFE_PREFIX "%s/sa/%s", wanted->domain, wanted->service);
    const char *instance = arena_format(arena, INSTANCE_PREFIX "%s/", provider);
    size_t spiffes = 0, instances = 0;
    for (size_t i = 0; i < CERTIFICATE_NAMES_MOST && names->uris[i]; i++) {
        if (text_equal(names->uris[i], spiffe)) {
            spiffes++;
        } else if (text_starts(names->uris[i], instance)) {
            *instance_id = names->uris[i] + strlen(instance);
            instances++;
        } else {
            return error_set(err, ERROR_INVALID, "the CSR asks for the URI %.200s, which is not its own",
                             names->uris[i]);
        }
    }
    if (spiffes != 1)
        return error_set(err, ERROR_INVALID, "the CSR must hold %s once", spiffe);
    if (instances != 1 || !athenz_is_instance_id(*instance_id))
        return error_set(err, ERROR_INVALID, "the CSR must hold one %s<id>", instance);
    return 0;
}

int request_names_check(struct arena *arena, const struct principal *wanted, const char *provider,
                        const struct csr *csr, const char **instance_id, struct error *err)
{
    const char *id = NULL;
    if (check_subject(wanted, provider, &csr->names, err) < 0 ||
        check_uris(wanted, provider, &csr->names, &id, err) < 0)
        return -1;
    for (size_t i = 0; i < CERTIFICATE_NAMES_MOST && csr->names.dns[i]; i++)
        if (!is_dns_name(after_wildcard(csr->names.dns[i])))
            return error_set(err, ERROR_INVALID, "the CSR asks for \"%.100s\", which is not a plain DNS name",
                             csr->names.dns[i]);
    *instance_id = arena_strdup(arena, id);
    return 0;
}

char *request_names_joined(struct arena *arena, const char *const *list)
{
    char *joined = NULL;
    for (size_t i = 0; i < CERTIFICATE_NAMES_MOST && list[i]; i++)
        joined = joined ? arena_format(arena, "%s,%s", joined, list[i]) : arena_strdup(arena, list[i]);
    return joined;
}
