/* The documents that are Amazon's and there for everyone, as far as this region can do what they say. */
#include "localaws/ssm/document.h"

#include "base/text.h"

static const struct amazon_document documents[] = {
    {"AWS-RunShellScript", "Command",
     "{\"schemaVersion\":\"1.2\",\"description\":\"Run a shell script or specify the commands to run.\","
     "\"parameters\":{\"commands\":{\"type\":\"StringList\",\"description\":\"Specify a shell script or a "
     "command to "
     "run.\"},\"workingDirectory\":{\"type\":\"String\",\"default\":\"\",\"description\":\"The path to the "
     "working "
     "directory on your "
     "instance.\"},\"executionTimeout\":{\"type\":\"String\",\"default\":\"3600\",\"description\":"
     "\"The time in seconds for a command to complete before it is considered to have "
     "failed.\",\"allowedPattern\":"
     "\"([1-9][0-9]{0,4})|(1[0-6][0-9]{4})|(17[0-1][0-9]{3})|(172[0-7][0-9]{2})|(172800)\"}},"
     "\"runtimeConfig\":{\"aws:runShellScript\":{\"properties\":[{\"id\":\"0.aws:runShellScript\","
     "\"runCommand\":"
     "\"{{ commands }}\",\"workingDirectory\":\"{{ workingDirectory }}\",\"timeoutSeconds\":\"{{ "
     "executionTimeout "
     "}}\"}]}}}"},
    {"AWS-StartSSHSession", "Session",
     "{\"schemaVersion\":\"1.0\",\"description\":\"Document to start SSH connection over Session Manager\","
     "\"sessionType\":\"Port\",\"parameters\":{\"portNumber\":{\"type\":\"String\",\"description\":\"Port "
     "number of "
     "SSH server on the "
     "instance\",\"allowedPattern\":\"[1-9][0-9]{0,4}\",\"default\":\"22\"}},\"properties\":"
     "{\"portNumber\":\"{{ portNumber }}\"}}"},
    {"AWS-StartPortForwardingSession", "Session",
     "{\"schemaVersion\":\"1.0\",\"description\":\"Document to start port forwarding session over Session "
     "Manager\","
     "\"sessionType\":\"Port\",\"parameters\":{\"portNumber\":{\"type\":\"String\",\"description\":\"Port "
     "number of "
     "the server on the "
     "instance\",\"allowedPattern\":\"[1-9][0-9]{0,4}\",\"default\":\"80\"},\"localPortNumber\":"
     "{\"type\":\"String\",\"description\":\"Port number on local machine to forward traffic "
     "to\",\"allowedPattern\":"
     "\"[0-9]{1,5}\",\"default\":\"0\"}},\"properties\":{\"portNumber\":\"{{ portNumber }}\",\"type\":"
     "\"LocalPortForwarding\",\"localPortNumber\":\"{{ localPortNumber }}\"}}"},
    {"AWS-StartInteractiveCommand", "Session",
     "{\"schemaVersion\":\"1.0\",\"description\":\"Document to run single interactive command on an "
     "instance\","
     "\"sessionType\":\"InteractiveCommands\",\"parameters\":{\"command\":{\"type\":\"String\","
     "\"description\":"
     "\"Command to run\"}},\"properties\":{\"linux\":{\"commands\":\"{{ command }}\"}}}"},
    {"SSM-SessionManagerRunShell", "Session",
     "{\"schemaVersion\":\"1.0\",\"description\":\"Document to hold regional settings for Session Manager\","
     "\"sessionType\":\"Standard_Stream\",\"inputs\":{}}"},
};

const struct amazon_document *document_of_amazon_at(size_t at)
{
    return at < COUNT_OF(documents) ? &documents[at] : NULL;
}

const struct amazon_document *document_of_amazon(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(documents); i++)
        if (text_equal(documents[i].name, name))
            return &documents[i];
    return NULL;
}
