/* TLS on listeners: certificates of ACM, security policy, application protocols. */
#include "localaws/acm/acm.h"
#include "localaws/elb/elb.h"

#include "base/log.h"
#include "base/text.h"

enum { CERTIFICATES_MOST = 25, APPLICATIONS_MOST = 4 };

/* Best first, as AWS documents them. */
static const struct alpn_policy {
    const char *name;
    const char *protocols[APPLICATIONS_MOST];
} alpn_policies[] = {
    {"None", {NULL}},
    {"HTTP1Only", {"http/1.1", "http/1.0", NULL}},
    {"HTTP2Only", {"h2", NULL}},
    {"HTTP2Optional", {"http/1.1", "http/1.0", "h2", NULL}},
    {"HTTP2Preferred", {"h2", "http/1.1", "http/1.0", NULL}},
};

static const struct alpn_policy *find_alpn(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(alpn_policies); i++)
        if (text_equal(alpn_policies[i].name, name))
            return &alpn_policies[i];
    return NULL;
}

static int check_certificate(struct call *call, const char *arn, struct error *err)
{
    const struct certificate_record *certificate = acm_certificate(call->region, call->account, arn);
    if (!certificate || acm_expired(certificate))
        return call_fail(call, err, 400, "CertificateNotFound", "Certificate '%.256s' not found%s", arn,
                         certificate ? ": it has expired" : "");
    return 0;
}

static int take_certificate(struct call *call, struct listener *draft, struct error *err)
{
    const char *arn = call_parameter(call, "Certificates.member.1.CertificateArn");
    if (call_parameter(call, "Certificates.member.2.CertificateArn"))
        return call_fail(call, err, 400, "TooManyCertificates",
                         "One certificate is the default; AddListenerCertificates adds others");
    if (!arn)
        return draft->certificate_count ? 0
                                        : call_fail(call, err, 400, "ValidationError",
                                                    "A certificate must be specified for TLS listeners");
    if (check_certificate(call, arn, err) < 0)
        return -1;
    draft->certificates = arena_alloc(call->arena, sizeof *draft->certificates);
    draft->certificates[0] = arena_strdup(call->arena, arn);
    draft->certificate_count = 1;
    return 0;
}

int listener_take_tls(struct call *call, struct listener *draft, struct error *err)
{
    const char *policy = call_parameter(call, "SslPolicy"),
               *alpn = call_parameter(call, "AlpnPolicy.member.1");
    if (!text_equal(draft->protocol, "TLS")) {
        draft->ssl_policy = draft->alpn_policy = NULL;
        draft->certificate_count = 0;
        if (policy || alpn || call_parameter(call, "Certificates.member.1.CertificateArn"))
            return call_fail(call, err, 400, "ValidationError",
                             "Certificates and policies can only be given for TLS listeners");
        return 0;
    }
    if (policy && !ssl_policy_priorities(call->arena, policy))
        return call_fail(call, err, 400, "SSLPolicyNotFound", "SSL policy '%.128s' not found", policy);
    if (alpn && (!find_alpn(alpn) || call_parameter(call, "AlpnPolicy.member.2")))
        return call_fail(call, err, 400, "ALPNPolicyNotSupported", "ALPN policy '%.64s' is not supported",
                         alpn);
    if (policy || !draft->ssl_policy)
        draft->ssl_policy = arena_strdup(call->arena, policy ? policy : "ELBSecurityPolicy-2016-08");
    if (alpn)
        draft->alpn_policy = arena_strdup(call->arena, alpn);
    return take_certificate(call, draft, err);
}

void put_listener_tls(struct buffer *out, const struct listener *listener)
{
    if (!listener->certificate_count)
        return;
    put_open(out, "Certificates");
    put_open(out, "member");
    put_text(out, "CertificateArn", listener->certificates[0]);
    put_close(out, "member");
    put_close(out, "Certificates");
    put_text(out, "SslPolicy", listener->ssl_policy);
    put_open(out, "AlpnPolicy");
    put_text(out, "member", listener->alpn_policy);
    put_close(out, "AlpnPolicy");
}

static bool uses(const struct listener *listener, const char *arn)
{
    return list_has_text(listener->certificates, listener->certificate_count, arn);
}

const char *certificate_user(struct account *account, const char *arn, size_t at)
{
    for_each_resource(struct balancer, balancer, account, &balancer_kind) {
        bool used = false;
        for_each_resource(struct listener, listener, account, &listener_kind)
            used = used || (uses(listener, arn) && text_equal(listener->balancer_arn, balancer->resource.id));
        if (used && at-- == 0)
            return balancer->resource.id;
    }
    return NULL;
}

void listeners_recertified(struct region *region, struct account *account, const char *arn)
{
    for (size_t i = 0;; i++) {
        const char *user = certificate_user(account, arn, i);
        if (!user)
            return;
        balancer_changed(region, resource_find(region, account, &balancer_kind, user));
    }
}

void listener_tls_to_plane(struct arena *arena, const struct listener *listener,
                           struct plane_listener *wanted)
{
    const struct alpn_policy *alpn = find_alpn(listener->alpn_policy);
    struct plane_certificate *certificates =
        arena_alloc(arena, (listener->certificate_count + 1) * sizeof *certificates);
    for (size_t i = 0; i < listener->certificate_count; i++) {
        struct error err = {0};
        char *chain, *key;
        const struct certificate_record *certificate =
            acm_certificate(listener->resource.region, listener->resource.account, listener->certificates[i]);
        if (!certificate || acm_open(certificate, arena, &chain, &key, &err) < 0) {
            log_error("a certificate cannot be used", "listener", listener->resource.id, "certificate",
                      listener->certificates[i], "reason", err.message, NULL);
            continue;
        }
        certificates[wanted->certificate_count++] = (struct plane_certificate){chain, key};
    }
    wanted->certificates = certificates;
    wanted->priorities = ssl_policy_priorities(arena, listener->ssl_policy);
    wanted->application = alpn ? alpn->protocols : NULL;
}

/* The listener, which speaks TLS. */
static int tls_target(struct call *call, struct listener **listener, struct error *err)
{
    if (elb_target(call, &listener_kind, "ListenerArn", listener, err) < 0)
        return -1;
    return text_equal((*listener)->protocol, "TLS")
               ? 0
               : call_fail(call, err, 400, "UnsupportedProtocol", "Only TLS listeners have certificates");
}

static void changed(struct call *call, struct listener *listener)
{
    resource_changed(&listener->resource);
    balancer_changed(call->region,
                     resource_find(call->region, call->account, &balancer_kind, listener->balancer_arn));
}

static const char *named_certificate(struct call *call, size_t at)
{
    return call_parameter(call, "Certificates.member.%zu.CertificateArn", at + 1);
}

int listener_add_certificates(struct call *call, struct error *err)
{
    struct listener *listener;
    const char *arn;
    if (tls_target(call, &listener, err) < 0)
        return -1;
    size_t count = 0;
    for (; (arn = named_certificate(call, count)); count++)
        if (check_certificate(call, arn, err) < 0)
            return -1;
    if (listener->certificate_count + count > CERTIFICATES_MOST)
        return call_fail(call, err, 400, "TooManyCertificates", "A listener has at most %d certificates",
                         CERTIFICATES_MOST);
    put_open(&call->answer, "Certificates");
    for (size_t i = 0; i < count; i++) {
        arn = named_certificate(call, i);
        if (!uses(listener, arn))
            list_add_text(&listener->certificates, &listener->certificate_count, arn);
        put_open(&call->answer, "member");
        put_text(&call->answer, "CertificateArn", arn);
        put_bool(&call->answer, "IsDefault", text_equal(arn, listener->certificates[0]));
        put_close(&call->answer, "member");
    }
    put_close(&call->answer, "Certificates");
    changed(call, listener);
    return 0;
}

int listener_remove_certificates(struct call *call, struct error *err)
{
    struct listener *listener;
    const char *arn;
    if (tls_target(call, &listener, err) < 0)
        return -1;
    for (size_t i = 0; (arn = named_certificate(call, i)); i++)
        if (text_equal(arn, listener->certificates[0]))
            return call_fail(call, err, 400, "OperationNotPermitted",
                             "The default certificate cannot be removed");
    for (size_t i = 0; (arn = named_certificate(call, i)); i++)
        for (size_t at = listener->certificate_count; at-- > 1;)
            if (text_equal(listener->certificates[at], arn))
                list_remove(&text_record, &listener->certificates, &listener->certificate_count, at);
    changed(call, listener);
    return 0;
}

int listener_describe_certificates(struct call *call, struct error *err)
{
    const char *arn;
    if (call_required(call, "ListenerArn", &arn, err) < 0)
        return -1;
    const struct listener *listener = resource_find(call->region, call->account, &listener_kind, arn);
    if (!listener)
        return elb_missing(call, &listener_kind, arn, err);
    put_open(&call->answer, "Certificates");
    for (size_t i = 0; i < listener->certificate_count; i++) {
        put_open(&call->answer, "member");
        put_text(&call->answer, "CertificateArn", listener->certificates[i]);
        put_bool(&call->answer, "IsDefault", i == 0);
        put_close(&call->answer, "member");
    }
    put_close(&call->answer, "Certificates");
    return 0;
}
