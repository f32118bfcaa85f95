/* ssh --proxy: what ssh runs as its ProxyCommand: the bytes of one connection, through a session of Systems
 * Manager, to a port of an instance's loopback. The AWS keys are the environment's. */
#include "cli/ssh.h"

#include "aws/ssm.h"
#include "base/text.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

int ssh_proxy(struct cli *cli, struct error *err)
{
    int64_t port;
    if (cli->word_count != 2 || text_number(cli->words[1], 1, 65535, "the port", &port, err) < 0)
        return error_set(err, ERROR_INVALID, "usage: enclave ssh --proxy INSTANCE PORT");
    cleanup(aws_credentials_free) struct aws_credentials *credentials = aws_credentials_default();
    cleanup(aws_client_free) struct aws_client *aws = NULL;
    struct ssm_session session;
    struct error ending = {0};
    /* ssh hangs up on us when it is done; what is to be done then is told by the end of our input. */
    signal(SIGHUP, SIG_IGN);
    if (aws_client_new(credentials, cli->settings.aws_region, &aws, err) < 0 ||
        ssm_start_session(aws, cli->arena, cli->words[0], "AWS-StartSSHSession",
                          json_pack("{s:[s]}", "portNumber", cli->words[1]), getenv(SSH_REASON_VARIABLE),
                          &session, err) < 0)
        return -1;
    int result = ssm_session_carry(aws, &session, STDIN_FILENO, STDOUT_FILENO, err);
    ssm_terminate_session(aws, cli->arena, session.id, &ending);
    return result;
}
