/* Firewalls are written as text and loaded as one batch: all of it holds, or on an error what was there
 * before. Used by hosts and config servers, each with tables of its own. */
#ifndef TUNNEL_NFTABLES_H
#define TUNNEL_NFTABLES_H

#include "base/error.h"

int nftables_load(const char *text, struct error *err);

#endif
