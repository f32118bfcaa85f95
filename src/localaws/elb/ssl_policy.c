/* The security policies that AWS has for TLS listeners, by the protocols and ciphers they allow. */
#include "localaws/elb/elb.h"

#include "base/text.h"

enum protocol_bit { TLS10 = 1, TLS11 = 2, TLS12 = 4, TLS13 = 8 };
enum cipher_bit {
    SUITES13 = 1,  /* TLS 1.3's own */
    GCM_FS = 2,    /* ECDHE with AES-GCM */
    CBC256_FS = 4, /* ECDHE with AES-CBC and SHA-2 */
    CBC1_FS = 8,   /* ECDHE with AES-CBC and SHA-1 */
    GCM_RSA = 16,  /* the same with the server's RSA key alone: no forward secrecy */
    CBC256_RSA = 32,
    CBC1_RSA = 64,
    DES = 128,
};

static const struct cipher {
    enum cipher_bit bit;
    const char *name;
} ciphers[] = {
    {SUITES13, "TLS_AES_128_GCM_SHA256"},
    {SUITES13, "TLS_AES_256_GCM_SHA384"},
    {SUITES13, "TLS_CHACHA20_POLY1305_SHA256"},
    {GCM_FS, "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {GCM_FS, "ECDHE-RSA-AES128-GCM-SHA256"},
    {CBC256_FS, "ECDHE-ECDSA-AES128-SHA256"},
    {CBC256_FS, "ECDHE-RSA-AES128-SHA256"},
    {CBC1_FS, "ECDHE-ECDSA-AES128-SHA"},
    {CBC1_FS, "ECDHE-RSA-AES128-SHA"},
    {GCM_FS, "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {GCM_FS, "ECDHE-RSA-AES256-GCM-SHA384"},
    {CBC256_FS, "ECDHE-ECDSA-AES256-SHA384"},
    {CBC256_FS, "ECDHE-RSA-AES256-SHA384"},
    {CBC1_FS, "ECDHE-RSA-AES256-SHA"},
    {CBC1_FS, "ECDHE-ECDSA-AES256-SHA"},
    {GCM_RSA, "AES128-GCM-SHA256"},
    {CBC256_RSA, "AES128-SHA256"},
    {CBC1_RSA, "AES128-SHA"},
    {GCM_RSA, "AES256-GCM-SHA384"},
    {CBC256_RSA, "AES256-SHA256"},
    {CBC1_RSA, "AES256-SHA"},
    {DES, "DES-CBC3-SHA"},
};

enum {
    FS2 = GCM_FS | CBC256_FS,
    FS1 = FS2 | CBC1_FS,
    RSA2 = GCM_RSA | CBC256_RSA,
    ALL = FS1 | RSA2 | CBC1_RSA,
};

static const struct policy_row {
    const char *name;
    unsigned protocols, ciphers;
} policies[] = {
    {"ELBSecurityPolicy-2016-08", TLS10 | TLS11 | TLS12, ALL},
    {"ELBSecurityPolicy-TLS13-1-2-2021-06", TLS12 | TLS13, SUITES13 | FS2},
    {"ELBSecurityPolicy-TLS13-1-2-Res-2021-06", TLS12 | TLS13, SUITES13 | GCM_FS},
    {"ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06", TLS12 | TLS13, SUITES13 | FS2 | RSA2},
    {"ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", TLS12 | TLS13, SUITES13 | ALL},
    {"ELBSecurityPolicy-TLS13-1-1-2021-06", TLS11 | TLS12 | TLS13, SUITES13 | ALL},
    {"ELBSecurityPolicy-TLS13-1-0-2021-06", TLS10 | TLS11 | TLS12 | TLS13, SUITES13 | ALL},
    {"ELBSecurityPolicy-TLS13-1-3-2021-06", TLS13, SUITES13},
    {"ELBSecurityPolicy-TLS-1-2-2017-01", TLS12, FS2 | RSA2},
    {"ELBSecurityPolicy-TLS-1-2-Ext-2018-06", TLS12, ALL},
    {"ELBSecurityPolicy-TLS-1-1-2017-01", TLS11 | TLS12, ALL},
    {"ELBSecurityPolicy-TLS-1-0-2015-04", TLS10 | TLS11 | TLS12, ALL | DES},
    {"ELBSecurityPolicy-2015-05", TLS10 | TLS11 | TLS12, ALL},
    {"ELBSecurityPolicy-FS-2018-06", TLS10 | TLS11 | TLS12, FS1},
    {"ELBSecurityPolicy-FS-1-1-2019-08", TLS11 | TLS12, FS1},
    {"ELBSecurityPolicy-FS-1-2-2019-08", TLS12, FS1},
    {"ELBSecurityPolicy-FS-1-2-Res-2019-08", TLS12, FS2},
    {"ELBSecurityPolicy-FS-1-2-Res-2020-10", TLS12, GCM_FS},
};

static const struct {
    enum protocol_bit bit;
    const char *aws, *gnutls;
} protocols[] = {{TLS10, "TLSv1", "+VERS-TLS1.0"},
                 {TLS11, "TLSv1.1", "+VERS-TLS1.1"},
                 {TLS12, "TLSv1.2", "+VERS-TLS1.2"},
                 {TLS13, "TLSv1.3", "+VERS-TLS1.3"}};

static const struct policy_row *find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(policies); i++)
        if (text_equal(policies[i].name, name))
            return &policies[i];
    return NULL;
}

/* What each kind of cipher asks of GnuTLS; the whole is every combination of what is listed, which is the
 * policy's own list. */
static const struct {
    unsigned bits;
    const char *words;
} words[] = {
    {GCM_FS | CBC256_FS | CBC1_FS, ":+ECDHE-ECDSA:+ECDHE-RSA"},
    {GCM_RSA | CBC256_RSA | CBC1_RSA | DES, ":+RSA"},
    {SUITES13 | GCM_FS | GCM_RSA, ":+AES-128-GCM:+AES-256-GCM"},
    {SUITES13, ":+CHACHA20-POLY1305"},
    {CBC256_FS | CBC256_RSA | CBC1_FS | CBC1_RSA, ":+AES-128-CBC:+AES-256-CBC"},
    {CBC256_FS | CBC256_RSA, ":+SHA256:+SHA384"},
    {CBC1_FS | CBC1_RSA | DES, ":+SHA1"},
    {DES, ":+3DES-CBC"},
};

char *ssl_policy_priorities(struct arena *arena, const char *name)
{
    const struct policy_row *policy = find(name);
    if (!policy)
        return NULL;
    char *text = arena_strdup(arena, "NONE:+AEAD:+COMP-NULL:+SIGN-ALL:+GROUP-ALL:+CTYPE-X509:"
                                     "%SERVER_PRECEDENCE");
    for (size_t i = COUNT_OF(protocols); i-- > 0;)
        if (policy->protocols & protocols[i].bit)
            text = arena_format(arena, "%s:%s", text, protocols[i].gnutls);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (policy->ciphers & words[i].bits)
            text = arena_format(arena, "%s%s", text, words[i].words);
    return text;
}

static void put_policy(struct buffer *out, const struct policy_row *policy)
{
    int priority = 1;
    put_open(out, "member");
    put_open(out, "SslProtocols");
    for (size_t i = 0; i < COUNT_OF(protocols); i++)
        if (policy->protocols & protocols[i].bit)
            put_text(out, "member", protocols[i].aws);
    put_close(out, "SslProtocols");
    put_open(out, "Ciphers");
    for (size_t i = 0; i < COUNT_OF(ciphers); i++) {
        if (!(policy->ciphers & ciphers[i].bit))
            continue;
        put_open(out, "member");
        put_text(out, "Name", ciphers[i].name);
        put_number(out, "Priority", priority++);
        put_close(out, "member");
    }
    put_close(out, "Ciphers");
    put_text(out, "Name", policy->name);
    buffer_text(out, "<SupportedLoadBalancerTypes><member>network</member></SupportedLoadBalancerTypes>");
    put_close(out, "member");
}

int ssl_policy_describe(struct call *call, struct error *err)
{
    size_t named;
    int64_t most, from;
    const char **names = call_list(call, "Names.member", &named);
    for (size_t i = 0; i < named; i++)
        if (!find(names[i]))
            return call_fail(call, err, 400, "SSLPolicyNotFound", "SSL policy '%.128s' not found", names[i]);
    if (call_number(call, "PageSize", 1, 400, 400, &most, err) < 0 ||
        call_number(call, "Marker", 0, COUNT_OF(policies), 0, &from, err) < 0)
        return -1;
    put_open(&call->answer, "SslPolicies");
    for (size_t i = 0; i < named; i++)
        put_policy(&call->answer, find(names[i]));
    size_t at = (size_t)from;
    for (; !named && at < COUNT_OF(policies) && at < (size_t)(from + most); at++)
        put_policy(&call->answer, &policies[at]);
    put_close(&call->answer, "SslPolicies");
    if (!named && at < COUNT_OF(policies))
        put_number(&call->answer, "NextMarker", (int64_t)at);
    return 0;
}
