/* What services.xml asks for, what it cannot ask for, and what validation-overrides.xml allows. */
#include "zone/test_packages.h"

static void counts_are_as_the_environment_has_it(void **state)
{
    (void)state;
    static const struct package_case cases[] = {
        {NULL, HEAD WEB TAIL, .expected = IN WEB_PROD},
        {"dev.aws-us-east-1c", HEAD WEB TAIL, .expected = IN WEB_DEV},
        {"dev.aws-us-east-1c", CONTAINER("<nodes count='7'/>"), .expected = IN WEB_DEV},
        {"test.aws-us-east-1c", CONTAINER("<nodes count='7'/>"), .expected = IN WEB_DEV},
        {"perf.aws-us-east-1c", CONTAINER("<nodes count='7'/>"),
         .expected = IN "web count=3 vcpu=2 memory=8 disk=50"},
        {"perf.aws-us-east-1c", CONTAINER("<nodes count='2'/>"), .expected = IN WEB_PROD},
        {"staging.aws-us-east-1c", CONTAINER("<nodes count='7'/>"), .expected = IN WEB_PROD},
        {"staging.aws-us-east-1c", CONTAINER("<nodes count='1'/>"), .expected = IN WEB_DEV},
        {"staging.aws-us-east-1c", CONTAINER("<nodes count='[10, 100]'/>"),
         .expected = IN "web count=[2,5] vcpu=2 memory=8 disk=50"},
        {NULL, CONTAINER("<nodes count='7'/>"), .expected = IN "web count=7 vcpu=2 memory=8 disk=50"},
        {"dev.aws-us-east-1c", CONTAINER("<nodes count='7' required='true'/>"),
         .expected = IN "web count=7 vcpu=2 memory=8 disk=50"},
    };
    check_cases(cases, COUNT_OF(cases));
}

static void variants_are_picked_by_what_says_most(void **state)
{
    (void)state;
#define VARIED                                                                                       \
    CONTENT("<nodes deploy:environment='dev' count='3'/>"                                            \
            "<nodes deploy:environment='prod' deploy:region='aws-us-east-1c' count='20'/>"           \
            "<nodes deploy:environment='prod' deploy:region='aws-us-west-2a' count='40'/>"           \
            "<nodes deploy:environment='prod' deploy:region='aws-us-west-2a' deploy:instance='main'" \
            " count='50'/>"                                                                          \
            "<nodes deploy:cloud='gcp' count='10'/><nodes count='5'/>")
#define DOCS(count) IN WEB_PROD "; docs count=" count " groups=1 copies=2 vcpu=2 memory=16 disk=300"
    static const struct package_case cases[] = {
        {"prod.aws-us-east-1c", VARIED, .expected = DOCS("20")},
        {"prod.aws-us-west-2a", VARIED, .expected = DOCS("50")},
        {"prod.aws-eu-west-1a", VARIED, .expected = DOCS("5")},
        {"dev.aws-us-east-1c", VARIED, /* what is asked for dev itself is kept */
         .expected = IN WEB_DEV "; docs count=3 groups=1 copies=2 vcpu=2 memory=16 disk=300"},
        {"perf.aws-us-east-1c", VARIED,
         .expected = IN WEB_DEV "; docs count=3 groups=1 copies=2 vcpu=2 memory=16 disk=300"},
        {NULL, CONTAINER("<nodes deploy:environment='dev test' count='9'/><nodes count='4'/>"),
         .expected = IN "web count=4 vcpu=2 memory=8 disk=50"},
        /* test and staging are of no region: a directive that names one with them still applies */
        {"staging.aws-us-east-1c",
         CONTAINER("<nodes deploy:environment='staging' deploy:region='aws-us-west-2a' count='4'/>"),
         .expected = IN "web count=4 vcpu=2 memory=8 disk=50"},
        {"staging.aws-us-east-1c", CONTAINER("<nodes deploy:region='aws-us-east-1c' count='60'/>"),
         .expected = IN "web count=60 vcpu=2 memory=8 disk=50"},
        {"staging.aws-us-east-1c", CONTAINER("<nodes deploy:region='aws-us-west-2a' count='60'/>"),
         .expected = IN WEB_DEV},
        /* inherited directives count, and whole clusters are variants, too */
        {NULL,
         HEAD WEB "<container id='feed' deploy:environment='dev'/>"
                  "<container id='find' deploy:environment='prod'>"
                  "<nodes count='2'/><nodes deploy:region='aws-us-east-1c' count='3'/></container>" TAIL,
         .expected = IN WEB_PROD "; find count=3 vcpu=2 memory=8 disk=50"},
        /* tags are the instance's */
        {NULL, CONTAINER("<nodes deploy:tags='big huge' count='8'/><nodes count='2'/>"),
         "<deployment version='1.0' " ACCOUNT "><instance id='main' tags='red big'/></deployment>",
         .expected = IN "web count=8 vcpu=2 memory=8 disk=50"},
        {NULL, CONTAINER("<nodes deploy:tags='huge' count='8'/><nodes count='2'/>"),
         "<deployment version='1.0' " ACCOUNT "><instance id='main' tags='red big'/></deployment>",
         .expected = IN WEB_PROD},
        {NULL,
         CONTAINER(
             "<nodes deploy:application='songs' count='8'/><nodes deploy:application='albums' count='6'/>"),
         .expected = IN "web count=6 vcpu=2 memory=8 disk=50"},
        /* a directive below picks resources without a say in the count */
        {"dev.aws-us-east-1c",
         CONTAINER(
             "<nodes count='6'><resources deploy:environment='dev' vcpu='4'/><resources vcpu='16'/></nodes>"),
         .expected = IN "web count=1 vcpu=4 memory=8 disk=50"},
    };
    check_cases(cases, COUNT_OF(cases));
}

static void resources_are_read_with_units_ranges_and_defaults(void **state)
{
    (void)state;
#define RESOURCES(attributes) CONTAINER("<nodes count='2'><resources " attributes "/></nodes>")
    static const struct package_case cases[] = {
        {NULL, RESOURCES("vcpu='4' memory='16Gb' disk='125Gb'"),
         .expected = IN "web count=2 vcpu=4 memory=16 disk=125"},
        {NULL, RESOURCES("vcpu='0.5' memory='1500 MB' disk='1T'"),
         .expected = IN "web count=2 vcpu=0.5 memory=1.5 disk=1000"},
        {NULL, RESOURCES("memory='8000000000' disk='50000000k'"), .expected = IN WEB_PROD},
        {NULL, RESOURCES("vcpu='[2, 8]' memory='[8Gb, 32Gb]' disk='[50Gb,1Tb]'"),
         .expected = IN "web count=2 vcpu=[2,8] memory=[8,32] disk=[50,1000]"},
        /* a disk nobody asked for has room for the memory */
        {NULL, RESOURCES("memory='64Gb'"), .expected = IN "web count=2 vcpu=2 memory=64 disk=128"},
        {NULL, RESOURCES("memory='[8Gb, 64Gb]'"),
         .expected = IN "web count=2 vcpu=2 memory=[8,64] disk=[50,128]"},
        {NULL, CONTENT("<nodes count='2'><resources memory='128Gb'/></nodes>"),
         .expected = IN WEB_PROD "; docs count=2 groups=1 copies=2 vcpu=2 memory=128 disk=384"},
        {NULL, RESOURCES("disk-speed='slow' storage-type='local' architecture='arm64' max-cost-factor='1.5'"),
         .expected = IN "web count=2 vcpu=2 memory=8 disk=50 slow local arm64 cost<=1.5"},
        {NULL,
         CONTAINER("<nodes count='2' docker-image='registry.example/vespa:8.1' exclusive='true' "
                   "jvm-options='-Xms2g'/>"),
         .expected = IN "web count=2 vcpu=2 memory=8 disk=50 image=registry.example/vespa:8.1"},
        /* an enclave's resources are not reduced, not even in dev */
        {"dev.aws-us-east-1c", RESOURCES("vcpu='64' memory='512Gb'"),
         .expected = IN "web count=1 vcpu=64 memory=512 disk=1024"},
    };
    check_cases(cases, COUNT_OF(cases));
}

static void groups_and_copies_go_with_the_nodes(void **state)
{
    (void)state;
#define NODES(attributes)           CONTENT("<nodes " attributes "/>")
#define COPIES(element, attributes) CONTENT(element "<nodes " attributes "/>")
#define MADE(text)                  IN WEB_PROD "; docs " text " vcpu=2 memory=16 disk=300"
#define MADE_DEV(text)              IN WEB_DEV "; docs " text " vcpu=2 memory=16 disk=300"
    static const struct package_case cases[] = {
        {NULL, NODES("count='6' groups='2'"), .expected = MADE("count=6 groups=2 copies=4")},
        {NULL, COPIES("<redundancy>1</redundancy>", "count='6' groups='2'"),
         .expected = MADE("count=6 groups=2 copies=2")},
        {NULL, COPIES("<redundancy>2</redundancy>", "count='6' groups='3'"),
         .expected = MADE("count=6 groups=3 copies=6")},
        {NULL, COPIES("<min-redundancy>2</min-redundancy>", "count='6' groups='3'"),
         .expected = MADE("count=6 groups=3 copies=3")},
        {NULL, COPIES("<min-redundancy>3</min-redundancy>", "count='6' groups='2'"),
         .expected = MADE("count=6 groups=2 copies=4")},
        {NULL, NODES("count='[6, 12]' groups='[2, 3]'"),
         .expected = MADE("count=[6,12] groups=[2,3] copies=4")},
        {NULL, NODES("count='6' group-size='2'"), .expected = MADE("count=6 groups=3 copies=6")},
        {NULL, NODES("count='6' group-size='[,3]'"), .expected = MADE("count=6 groups=[2,6] copies=4")},
        {NULL, NODES("count='[4,12]' group-size='[2,4]'"),
         .expected = MADE("count=[4,12] groups=[1,6] copies=2")},
        {NULL, NODES("count='6' group-size='[2,]'"), .expected = MADE("count=6 groups=1 copies=2")},
        /* fewer nodes, fewer groups and copies */
        {"dev.aws-us-east-1c", COPIES("<redundancy>3</redundancy>", "count='12' groups='4'"),
         .expected = MADE_DEV("count=1 groups=1 copies=1")},
        {"dev.aws-us-east-1c", CONTENT(""), .expected = MADE_DEV("count=1 groups=1 copies=1")},
        {"perf.aws-us-east-1c", NODES("count='12' groups='4'"),
         .expected = MADE_DEV("count=3 groups=3 copies=3")},
        {"perf.aws-us-east-1c", NODES("count='12' groups='2'"),
         .expected = MADE_DEV("count=3 groups=1 copies=2")},
        {"dev.aws-us-east-1c", NODES("count='4' groups='2' required='true'"),
         .expected = MADE_DEV("count=4 groups=2 copies=4")},
    };
    check_cases(cases, COUNT_OF(cases));
}

static void production_on_one_node_or_copy_takes_an_override(void **state)
{
    (void)state;
#define ONE_NODE                                                                                           \
    "services.xml: <nodes> (line 1): minimum-node-count: cluster 'web' has one node, production needs at " \
    "least two; "                                                                                          \
    "to do without for now, put <allow until='…'>minimum-node-count</allow> into validation-overrides.xml"
#define ONE_COPY                                                                                     \
    "services.xml: <nodes> (line 1): redundancy-one: cluster 'docs' has one copy of each document, " \
    "production needs "                                                                              \
    "at least two; to do without for now, put <allow until='…'>redundancy-one</allow> into "       \
    "validation-overrides.xml"
    static const struct package_case cases[] = {
        {NULL, CONTAINER("<nodes count='1'/>"), .expected = ONE_NODE},
        {NULL, CONTAINER("<nodes/>"), .expected = IN WEB_PROD},
        {NULL, CONTAINER("<nodes count='1'/>"), .overrides = ALLOW("2026-02-01", "minimum-node-count"),
         .expected = IN WEB_DEV},
        {NULL, CONTAINER("<nodes count='1'/>"), .overrides = ALLOW("2026-03-03", "minimum-node-count"),
         .expected = IN WEB_DEV},
        {NULL, CONTAINER("<nodes count='1'/>"), .overrides = ALLOW("2026-01-31", "minimum-node-count"),
         .expected = ONE_NODE},
        {NULL, CONTAINER("<nodes count='1'/>"), .overrides = ALLOW("2026-02-02", "redundancy-one"),
         .expected = ONE_NODE},
        {NULL, COPIES("<redundancy>1</redundancy>", "count='2'"), .expected = ONE_COPY},
        {NULL, COPIES("<min-redundancy>1</min-redundancy>", "count='2'"),
         .overrides = ALLOW("2026-02-02", "redundancy-one"), .expected = MADE("count=2 groups=1 copies=1")},
        {"staging.aws-us-east-1c", COPIES("<redundancy>1</redundancy>", "count='1'"),
         .expected = MADE_DEV("count=1 groups=1 copies=1")},
        {NULL, HEAD WEB TAIL, .overrides = ALLOW("2026-03-04", "anything"),
         .expected = "validation-overrides.xml: <allow> (line 1): until='2026-03-04' is more than 30 days "
                     "ahead: allow it "
                     "for the days it takes"},
        {NULL, HEAD WEB TAIL, .overrides = ALLOW("2026-02-30", "anything"),
         .expected =
             "validation-overrides.xml: <allow> (line 1): until='2026-02-30' must be a day, like 2026-01-30"},
        {NULL, HEAD WEB TAIL,
         .overrides = "<validation-overrides><allow>anything</allow></validation-overrides>",
         .expected = "validation-overrides.xml: <allow> (line 1): needs an attribute until"},
        {NULL, HEAD WEB TAIL, .overrides = ALLOW("2026-02-02", ""),
         .expected = "validation-overrides.xml: <allow> (line 1): '' must be the id of a validation, like "
                     "content-cluster-removal"},
        {NULL, HEAD WEB TAIL, .overrides = "<overrides/>",
         .expected = "validation-overrides.xml: the outermost element is <overrides>, it must be "
                     "<validation-overrides>"},
    };
    check_cases(cases, COUNT_OF(cases));
}

static void services_that_cannot_be_are_refused(void **state)
{
    (void)state;
#define NOT(text) "services.xml: " text
    static const struct package_case cases[] = {
        {NULL, HEAD TAIL, .expected = NOT("<services> (line 1): needs at least one <container> cluster")},
        {NULL, HEAD "<content id='docs'><nodes count='2'/></content>" TAIL,
         .expected = NOT("<services> (line 1): needs at least one <container> cluster")},
        {NULL, HEAD "<container id='web' deploy:environment='dev'/>" TAIL,
         .expected = NOT("<services> (line 1): needs at least one <container> cluster")},
        {NULL, HEAD "\n<container/>" TAIL,
         .expected =
             NOT("<container> (line 2): needs an id of 1-40 letters, digits, - and _, a letter first")},
        {NULL, HEAD "<container id='../x'/>" TAIL,
         .expected =
             NOT("<container> (line 1): needs an id of 1-40 letters, digits, - and _, a letter first")},
        {NULL, HEAD WEB "\n<content id='web'/>" TAIL,
         .expected = NOT("<content> (line 2): another cluster has the id 'web'")},
        {NULL, HEAD WEB "<contaner id='x'/>" TAIL,
         .expected = NOT("<contaner> (line 1): is not known inside <services>")},
        {NULL, HEAD "<jdisc id='x'/>" TAIL, .expected = NOT("<jdisc> (line 1): is called <container> now")},
        {NULL, CONTAINER("<nodes><node hostalias='a'/></nodes>"),
         .expected = NOT("<node> (line 1): lists its hosts; ask for a count instead: <nodes count=\"2\">")},
        {NULL, CONTENT("<group><node hostalias='a'/></group>"),
         .expected = NOT(
             "<group> (line 1): lists its hosts; ask for groups instead: <nodes count=\"4\" groups=\"2\">")},
        {NULL, CONTAINER("<nodes of='docs'/>"),
         .expected = NOT(
             "<nodes> (line 1): of: this shares another cluster's nodes, but in an enclave every cluster has "
             "its own: write a count and <resources> of its own")},
        {NULL, CONTAINER("<nodes flavor='large'/>"),
         .expected =
             NOT("<nodes> (line 1): flavor: name what a node needs instead: <resources vcpu memory disk>")},
        {NULL, CONTAINER("<nodes count='2'/><nodes count='3'/>"),
         .expected = NOT("<nodes> (line 1): cluster 'web' has another <nodes> for zone prod.aws-us-east-1c")},
        {NULL, CONTAINER("<nodes count='0'/>"),
         .expected = NOT("<nodes> (line 1): count='0' must be a whole number from 1 to 1000, or a range "
                         "[low, high] of such")},
        {NULL, CONTAINER("<nodes count='[4, 2]'/>"),
         .expected = NOT("<nodes> (line 1): count='[4, 2]' must be a whole number from 1 to 1000, or a range "
                         "[low, high] of such")},
        {NULL, CONTAINER("<nodes count='[2,]'/>"),
         .expected = NOT("<nodes> (line 1): count='[2,]' must be a whole number from 1 to 1000, or a range "
                         "[low, high] of such")},
        {NULL, CONTAINER("<nodes count='2.5'/>"),
         .expected = NOT("<nodes> (line 1): count='2.5' must be a whole number from 1 to 1000, or a range "
                         "[low, high] of such")},
        {NULL, CONTAINER("<nodes cout='2'/>"),
         .expected = NOT("<nodes> (line 1): may not have an attribute cout")},
        {NULL, CONTAINER("<nodes count='2' groups='2'/>"),
         .expected = NOT("<nodes> (line 1): groups: only content clusters have groups")},
        {NULL, CONTAINER("<nodes count='2' required='yes'/>"),
         .expected = NOT("<nodes> (line 1): required='yes' must be true or false")},
        {NULL, CONTAINER("<nodes docker-image='--privileged'/>"),
         .expected = NOT("<nodes> (line 1): docker-image='--privileged' must be an image's name")},
        {NULL, CONTENT("<nodes/>"),
         .expected = NOT("<nodes> (line 1): content cluster 'docs' needs <nodes count=\"…\"> in prod")},
        {NULL, CONTENT(""),
         .expected = NOT("<content> (line 1): content cluster 'docs' needs <nodes count=\"…\"> in prod")},
        {NULL, NODES("count='5' groups='2'"),
         .expected = NOT("<nodes> (line 1): cluster 'docs': 5 nodes do not make 2 groups of one size")},
        {NULL, NODES("count='2' groups='4'"),
         .expected = NOT("<nodes> (line 1): cluster 'docs': 2 nodes do not make 4 groups of one size")},
        {NULL, NODES("count='[4,6]' groups='[2,4]'"),
         .expected = NOT("<nodes> (line 1): cluster 'docs': 6 nodes do not make 4 groups of one size")},
        {NULL, NODES("count='8' groups='4' group-size='[3,]'"),
         .expected = NOT("<nodes> (line 1): cluster 'docs': 8 nodes in 4 groups are groups of 2, which "
                         "group-size does not allow")},
        {NULL, NODES("count='7' group-size='[2,3]'"),
         .expected = NOT("<nodes> (line 1): cluster 'docs': no number of groups makes groups of the size "
                         "asked for of 7 nodes")},
        {NULL, COPIES("<redundancy>3</redundancy>", "count='4' groups='2'"),
         .expected =
             NOT("<nodes> (line 1): cluster 'docs': 3 copies in a group need 3 nodes, a group has 2")},
        {NULL, COPIES("<redundancy>no</redundancy>", "count='4'"),
         .expected = NOT("<redundancy> (line 1): 'no' must be a whole number from 1 to 1000")},
        {NULL, CONTAINER("<nodes count='2' deploy:environment='production'/>"),
         .expected = NOT("<nodes> (line 1): deploy:environment='production' must be of dev, test, staging, "
                         "perf and prod")},
        {NULL, CONTAINER("<nodes count='2' deploy:regions='a'/>"),
         .expected = NOT("<nodes> (line 1): deploy:regions is not known: write deploy:environment, region, "
                         "instance, tags, "
                         "cloud or application")},
        {NULL,
         "<services xmlns:preprocess='properties'>" WEB
         "<container id='b'><preprocess:include file='x'/></container>" TAIL,
         .expected = NOT("<include> (line 1): is for Vespa's preprocessor, which is not offered: write out "
                         "what it stands for")},
    };
    check_cases(cases, COUNT_OF(cases));
}

static void resources_that_cannot_be_are_refused(void **state)
{
    (void)state;
#define BAD(text) "services.xml: <resources> (line 1): " text
    static const struct package_case cases[] = {
        {NULL, RESOURCES("vcpu='many'"),
         .expected = BAD("vcpu='many' must be a number from 0.5 to 192, or a range [low, high] of such")},
        {NULL, RESOURCES("memory='8 Zb'"),
         .expected = BAD(
             "memory='8 Zb' must be a size from 0.5 to 2048 GB, like 8Gb, or a range [low, high] of such")},
        {NULL, RESOURCES("memory='8'"),
         .expected =
             BAD("memory='8' must be a size from 0.5 to 2048 GB, like 8Gb, or a range [low, high] of such")},
        {NULL, RESOURCES("disk='[100Gb, 50Gb]'"),
         .expected = BAD("disk='[100Gb, 50Gb]' must be a size from 1 to 65536 GB, like 8Gb, or a range [low, "
                         "high] of such")},
        {NULL, RESOURCES("disk-speed='quick'"),
         .expected = BAD("disk-speed='quick' must be fast, slow or any")},
        {NULL, RESOURCES("storage-type='tape'"),
         .expected = BAD("storage-type='tape' must be local, remote or any")},
        {NULL, RESOURCES("architecture='riscv'"),
         .expected = BAD("architecture='riscv' must be x86_64, arm64 or any")},
        {NULL, RESOURCES("max-cost-factor='0.5'"),
         .expected =
             BAD("max-cost-factor='0.5' must be a number from 1 to 100, or a range [low, high] of such")},
        {NULL, RESOURCES("max-cost-factor='[1,2]'"), .expected = BAD("max-cost-factor must be one number")},
        {NULL, RESOURCES("ram='8Gb'"), .expected = BAD("may not have an attribute ram")},
        {NULL, CONTAINER("<nodes count='2'><resources/><resources/></nodes>"),
         .expected = BAD("<nodes> may have at most 1 of it")},
        {NULL, CONTAINER("<nodes count='2'><resource vcpu='2'/></nodes>"),
         .expected = NOT("<resource> (line 1): is not known inside <nodes>")},
        {NULL, CONTAINER("<nodes count='2'><resources><gpu count='1' memory='16Gb'/></resources></nodes>"),
         .expected =
             NOT("<gpu> (line 1): hosts with GPUs are not offered: remove it or pick another variant here")},
    };
    check_cases(cases, COUNT_OF(cases));
}

static void clients_without_files_or_with_what_nodes_cannot_tell_are_refused(void **state)
{
    (void)state;
#define CLIENTS(inner)                 CONTAINER("<clients>" inner "</clients>")
#define CLIENT(id, permissions, inner) "<client id='" id "' permissions='" permissions "'>" inner "</client>"
#define A_FILE                         "<certificate file='security/a.pem'/>"
    static const struct package_case cases[] = {
        {NULL, CLIENTS(CLIENT("a", "read,write", A_FILE)), .expected = IN WEB_PROD},
        {NULL, CLIENTS(CLIENT("a", "write, read", A_FILE)), .expected = IN WEB_PROD},
        {NULL, CLIENTS(),
         .expected = NOT("<clients> (line 1): names no <client>: nobody could use cluster 'web'")},
        {NULL, CLIENTS(CLIENT("a", "read,write", "<certificate file='security/c.pem'/>")),
         .expected = NOT("<certificate> (line 1): the package has no file 'security/c.pem'")},
        {NULL, CLIENTS(CLIENT("a", "read,write", "<certificate/>")),
         .expected = NOT("<certificate> (line 1): needs an attribute file")},
        {NULL, CLIENTS(CLIENT("a", "read,write", "")),
         .expected = NOT("<client> (line 1): client 'a' has no <certificate file=\"…\">")},
        {NULL, CLIENTS(CLIENT("_a", "read,write", A_FILE)),
         .expected = NOT("<client> (line 1): id='_a' must be an id that does not begin with _")},
        {NULL, CLIENTS(CLIENT("a", "read,write", A_FILE) CLIENT("a", "read,write", A_FILE)),
         .expected = NOT("<client> (line 1): another client has the id 'a'")},
        {NULL, CLIENTS(CLIENT("a", "read", A_FILE)),
         .expected = NOT("<client> (line 1): permissions='read' must be read,write: nodes do not tell "
                         "readers from writers yet")},
        {NULL, CLIENTS(CLIENT("a", "read,write,own", A_FILE)),
         .expected = NOT("<client> (line 1): permissions='read,write,own' must be read,write: nodes do not "
                         "tell readers from writers yet")},
        {NULL, CLIENTS(CLIENT("a", "read,write", "<token id='t'/>")),
         .expected =
             NOT("<token> (line 1): clients with tokens are not offered: give the client a certificate")},
        {NULL, HEAD WEB "<clients/>" TAIL,
         .expected = NOT("<clients> (line 1): belongs into the <container> whose clients they are")},
    };
    check_cases(cases, COUNT_OF(cases));
}

static void a_containers_clients_are_those_of_all_its_files(void **state)
{
    (void)state;
    cleanup(arena_free) struct arena *arena = arena_new();
    const char *services = HEAD WEB "<container id='feed'><clients>" CLIENT("a", "read,write", A_FILE)
        CLIENT("b", "read,write", "<certificate file='security/b.pem'/>") "</clients></container>" TAIL;
    struct package_file files[] = {{"security/a.pem", "A", 1},
                                   {"security/b.pem", "B\n", 2},
                                   {"services.xml", services, strlen(services)}};
    const struct application_package package = {.files = files, .file_count = 3};
    const struct zone_id zone = {"dev", "aws-us-east-1c"};
    const struct package_target target = {.zone = &zone, .instance = "main", .cloud = "aws"};
    struct wanted_deployment wanted;
    struct error err = {0};
    if (application_package_resolve(arena, &package, &target, &wanted, &err) < 0)
        fail_msg("%s", err.message);
    assert_null(wanted.clusters[0].clients_pem); /* security/clients.pem, which this package lacks */
    assert_string_equal(wanted.clusters[1].clients_pem, "A\nB\n");
}

static void an_override_holds_until_its_day_has_passed(void **state)
{
    (void)state;
    const char *text = ALLOW("2026-02-10", "content-cluster-removal");
    struct package_file file = {"validation-overrides.xml", text, strlen(text)};
    const struct application_package package = {.files = &file, .file_count = 1}, none = {0};
    const int64_t day = 86400000, last = NOW_MS + 9 * day; /* 2026-02-10 begins */
    assert_true(application_package_allows(&package, "content-cluster-removal", NOW_MS));
    assert_true(application_package_allows(&package, "content-cluster-removal", last + day - 1));
    assert_false(application_package_allows(&package, "content-cluster-removal", last + day));
    assert_false(application_package_allows(&package, "content-cluster-removal", last - 31 * day));
    assert_false(application_package_allows(&package, "cluster-size-reduction", NOW_MS));
    assert_false(application_package_allows(&none, "content-cluster-removal", NOW_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_as_the_environment_has_it),
        cmocka_unit_test(variants_are_picked_by_what_says_most),
        cmocka_unit_test(resources_are_read_with_units_ranges_and_defaults),
        cmocka_unit_test(groups_and_copies_go_with_the_nodes),
        cmocka_unit_test(production_on_one_node_or_copy_takes_an_override),
        cmocka_unit_test(services_that_cannot_be_are_refused),
        cmocka_unit_test(resources_that_cannot_be_are_refused),
        cmocka_unit_test(clients_without_files_or_with_what_nodes_cannot_tell_are_refused),
        cmocka_unit_test(a_containers_clients_are_those_of_all_its_files),
        cmocka_unit_test(an_override_holds_until_its_day_has_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
