/* Logging: one line an event on standard error, "time level program event key=value ...", or one JSON object a line.
 * Keys and values come in pairs after the event, ended by NULL; a NULL value skips its pair. No secrets, ever.
 *     log_info("host admitted", "host", hostname, "account", account, NULL);
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/error.h"

#include <stdbool.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* `program` must outlive the process. Before this is called lines are logged as text with an empty program. */
void log_open(const char *program, enum log_level lowest, bool json);
/* "debug", "info", "warning", "error"; "json" or "text": the values of --log-level and --log. */
int log_open_named(const char *program, const char *level, const char *form, struct error *err);

void log_debug(const char *event, ...) __attribute__((sentinel));
void log_info(const char *event, ...) __attribute__((sentinel));
void log_warning(const char *event, ...) __attribute__((sentinel));
void log_error(const char *event, ...) __attribute__((sentinel));

#endif
