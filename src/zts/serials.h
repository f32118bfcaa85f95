/* Which certificate of an instance is the current one. A refresh must come with the current certificate, or
 * with the one before (its answer may have been lost); any other serial means that two hold the key, and ends
 * this line of certificates: both are revoked, and only a new attestation helps. Source: Athenz's certificate
 * records. */
#ifndef ZTS_SERIALS_H
#define ZTS_SERIALS_H

#include "store/store.h"

struct instance_name {
    const char *provider, *principal, *instance_id; /* checked against their grammars: they become a path */
};

struct serial_change {
    const char *serial; /* the new certificate's */
    int64_t expires_ms;
    const char *client_ip;
};

struct presented_serial {
    const char *serial;
    int64_t issued_ms;
};

int serials_open(struct store *store, struct error *err);

/* A new line: whatever was recorded for the instance is replaced. */
int serials_register(struct store *store, const struct instance_name *instance,
                     const struct serial_change *change, struct error *err);
/* ERROR_FORBIDDEN with code CERTIFICATE_REVOKED unless `presented` is current or previous. ERROR_CONFLICT
 * when another refresh of the same instance came between: issue again. */
int serials_refresh(struct store *store, const struct instance_name *instance,
                    const struct presented_serial *presented, const struct serial_change *change,
                    struct error *err);
/* 0 unless the instance's line was revoked or is not known. */
int serials_check(struct store *store, const struct instance_name *instance,
                  const struct presented_serial *presented, struct error *err);

/* Removes records of certificates that ended before `before_ms`; returns how many. */
int serials_purge(struct store *store, int64_t before_ms, size_t *removed, struct error *err);

#endif
