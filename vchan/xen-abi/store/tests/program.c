/* Calls everything in xenstore.h and prints what came of it. The output is the same over any
 * library and store that behave as Xen's do. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenstore.h>

enum { PATIENCE_MS = 10000, PATIENCE_S = 120, CHILDREN = 900, THREADS = 4, ROUNDS = 50 };

static struct xs_handle *h;

static void told(const char *what, bool done)
{
    printf("%s: %s\n", what, done ? "true" : strerrorname_np(errno));
}

static void show_value(const char *path, xs_transaction_t t)
{
    unsigned int len = 0;
    char *value = xs_read(h, t, path, &len);

    if (!value) {
        told(path, false);
        return;
    }
    printf("%s: %u bytes \"%s\", zero after: %d\n", path, len, value, value[len] == 0);
    free(value);
}

static void show_list(const char *path, xs_transaction_t t)
{
    unsigned int count = 77;
    char **list = xs_directory(h, t, path, &count);

    if (!list) {
        told(path, false);
        return;
    }
    printf("%s: %u children", path, count);
    if (count)
        printf(" from %s to %s", list[0], list[count - 1]);
    printf("\n");
    free(list);
}

static void show_permissions(const char *path)
{
    unsigned int count = 77;
    struct xs_permissions *list = xs_get_permissions(h, 0, path, &count);

    if (!list) {
        told(path, false);
        return;
    }
    printf("%s:", path);
    for (unsigned int i = 0; i < count; i++)
        printf(" %u=%u", list[i].id, list[i].perms);
    printf("\n");
    free(list);
}

static void values(void)
{
    static char big[5000];

    show_value("domid", 0);
    show_value("none", 0);
    show_value("bad//path", 0);
    show_value("", 0);
    show_value("/", 0);
    told("write", xs_write(h, 0, "data/a/b", "hello", 5));
    told("write nothing", xs_write(h, 0, "data/a/c", NULL, 0));
    told("write there", xs_write(h, 0, "name", "x", 1));
    show_value("data/a/b", 0);
    show_value("data/a/c", 0);
    memset(big, 'v', sizeof(big));
    told("2048 bytes", xs_write(h, 0, "data/big", big, 2048));
    told("2049 bytes", xs_write(h, 0, "data/big", big, 2049));
    told("5000 bytes", xs_write(h, 0, "data/big", big, 5000));
    told("mkdir", xs_mkdir(h, 0, "data/d/e"));
    told("mkdir again", xs_mkdir(h, 0, "data/d/e"));
    show_list("data", 0);
    show_list("data/d/e", 0);
    show_list("data/none", 0);
    told("rm", xs_rm(h, 0, "data/d"));
    told("rm again", xs_rm(h, 0, "data/d"));
    told("rm far", xs_rm(h, 0, "data/d/e"));
}

static void long_list(void)
{
    char path[64];

    for (int i = 0; i < CHILDREN; i++) {
        snprintf(path, sizeof(path), "data/many/child-%05d", i);
        if (!xs_write(h, 0, path, "", 0))
            told(path, false);
    }
    show_list("data/many", 0);
    told("rm", xs_rm(h, 0, "data/many"));
}

static void permissions(void)
{
    struct xs_permissions some[6] = { { 1, XS_PERM_READ }, { 0, XS_PERM_WRITE },
                                      { 2, XS_PERM_READ | XS_PERM_WRITE } };
    struct xs_permissions other = { 2, XS_PERM_NONE }, odd = { 1, XS_PERM_IGNORE },
                          owner = { 1, XS_PERM_OWNER };

    show_permissions("domid");
    show_permissions("none");
    told("set", xs_set_permissions(h, 0, "data", some, 3));
    show_permissions("data");
    told("set six", xs_set_permissions(h, 0, "data", some, 6));
    told("set none", xs_set_permissions(h, 0, "data", some, 0));
    told("give away", xs_set_permissions(h, 0, "data", &other, 1));
    told("not mine", xs_set_permissions(h, 0, "name", some, 1));
    told("ignore", xs_set_permissions(h, 0, "data", &odd, 1));
    told("owner", xs_set_permissions(h, 0, "data", &owner, 1));
}

static void show_event(struct xs_handle *of)
{
    struct pollfd fd = { xs_fileno(of), POLLIN, 0 };
    char **event;

    do {
        if (poll(&fd, 1, PATIENCE_MS) != 1) {
            printf("no event\n");
            return;
        }
        event = xs_check_watch(of);
    } while (!event && errno == EAGAIN);
    if (!event) {
        told("event", false);
        return;
    }
    printf("event: %s, %s\n", event[XS_WATCH_PATH], event[XS_WATCH_TOKEN]);
    free(event);
}

static void watches(void)
{
    unsigned int count = 77;
    char **event;

    told("watch", xs_watch(h, "data/w", "token"));
    show_event(h);
    told("watch again", xs_watch(h, "data/w", "token"));
    told("write", xs_write(h, 0, "data/w/x", "1", 1));
    event = xs_read_watch(h, &count);
    if (event)
        printf("read: %s, %s, %u\n", event[XS_WATCH_PATH], event[XS_WATCH_TOKEN], count);
    free(event);
    told("check", xs_check_watch(h) != NULL);
    told("write", xs_write(h, 0, "data/w", "1", 1));
    show_event(h);
    told("unwatch", xs_unwatch(h, "data/w", "token"));
    told("unwatch again", xs_unwatch(h, "data/w", "token"));
    told("watch badly", xs_watch(h, "data//w", "token"));
    told("watch domains", xs_watch(h, "@releaseDomain", "gone"));
    show_event(h);
}

static void filtered(void)
{
    struct xs_handle *own = xs_open(XS_UNWATCH_FILTER);
    struct pollfd fd = { xs_fileno(own), POLLIN, 0 };

    told("watch", xs_watch(own, "data/f", "token"));
    show_event(own);
    told("write", xs_write(own, 0, "data/f/x", "1", 1));
    printf("waiting: %d\n", poll(&fd, 1, PATIENCE_MS));
    told("unwatch", xs_unwatch(own, "data/f", "token"));
    told("check", xs_check_watch(own) != NULL);
    told("watch again", xs_watch(own, "data/f", "token"));
    show_event(own);
    told("watch below", xs_watch(own, "data/f/below", "token"));
    show_event(own);
    told("unwatch", xs_unwatch(own, "data/f", "token"));
    told("write below", xs_write(own, 0, "data/f/below", "1", 1));
    show_event(own);
    xs_close(own);
}

static void transactions(void)
{
    struct xs_handle *other = xs_open(0);
    xs_transaction_t t = xs_transaction_start(h);

    told("write", xs_write(h, t, "data/t", "inside", 6));
    show_value("data/t", 0);
    show_value("data/t", t);
    show_list("data", t);
    told("end", xs_transaction_end(h, t, false));
    show_value("data/t", 0);
    told("end again", xs_transaction_end(h, t, false));
    t = xs_transaction_start(h);
    show_value("data/t", t);
    told("meanwhile", xs_write(other, 0, "data/t", "other", 5));
    told("conflict", xs_transaction_end(h, t, false));
    t = xs_transaction_start(h);
    told("rm", xs_rm(h, t, "data/t"));
    told("abort", xs_transaction_end(h, t, true));
    show_value("data/t", 0);
    told("unknown", xs_write(h, 12345, "data/t", "", 0));
    xs_close(other);
}

static void domains(void)
{
    char *path = xs_get_domain_path(h, 7), *control;

    printf("path: %s\n", path ? path : "none");
    free(path);
    for (unsigned int domain = 0; domain < 5; domain++)
        printf("introduced %u: %d\n", domain, xs_is_domain_introduced(h, domain));
    told("introduce", xs_introduce_domain(h, 7, 1, 2));
    told("release", xs_release_domain(h, 7));
    told("resume", xs_resume_domain(h, 7));
    told("target", xs_set_target(h, 7, 1));
    control = xs_control_command(h, "check", NULL, 0);
    told("control", control != NULL);
    control = xs_debug_command(h, "check", "x", 2);
    told("debug", control != NULL);
    printf("restrict: %d\n", xs_restrict(h, 1));
    printf("suspend: %d\n", xs_suspend_evtchn_port(1));
}

static void plain(void)
{
    static const char *const pairs[][2] = { { "/a", "/a" }, { "/a", "/a/b" }, { "/a", "/ab" },
                                            { "/", "/a" }, { "/a/", "/a/b" }, { "a", "a/b" },
                                            { "/a/b", "/a" } };
    static const char *const entries[] = { "r1", "b12", "n0x10", "w010", "", "r", "q1", "r1x" };
    struct xs_permissions entry = { 0, 0 };
    int ends[2];

    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
        printf("subpath: %d\n", xs_path_is_subpath(pairs[i][0], pairs[i][1]));
    for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
        bool done = xs_strings_to_perms(&entry, 1, entries[i]);

        told(entries[i], done);
        if (done)
            printf("%u=%u\n", entry.id, entry.perms);
    }
    if (pipe(ends) == 0) {
        told("write_all", xs_write_all(ends[1], "bytes", 5));
        told("write_all badly", xs_write_all(-1, "bytes", 5));
    }
    unsetenv("XENSTORED_PATH");
    printf("%s %s %s\n", xs_daemon_rundir(), xs_daemon_socket(), xs_daemon_socket_ro());
}

static void *one_of_many(void *number)
{
    char path[32], value[32];
    unsigned int len;

    for (int i = 0; i < ROUNDS; i++) {
        snprintf(path, sizeof(path), "data/thread-%ld", (long)number);
        snprintf(value, sizeof(value), "%d", i);
        char *found = xs_write(h, 0, path, value, strlen(value)) ? xs_read(h, 0, path, &len) : NULL;

        if (!found || strcmp(found, value))
            printf("thread %ld found %s\n", (long)number, found ? found : strerrorname_np(errno));
        free(found);
    }
    return NULL;
}

static void *all_events(void *ignored)
{
    unsigned int count;
    char **event;
    bool last = false;

    while (!last && (event = xs_read_watch(h, &count))) {
        last = !strcmp(event[XS_WATCH_PATH], "data/threads/last");
        free(event);
    }
    return ignored;
}

static void threads(void)
{
    pthread_t workers[THREADS], watcher;

    told("watch", xs_watch(h, "data/threads", "many"));
    pthread_create(&watcher, NULL, all_events, NULL);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&workers[i], NULL, one_of_many, (void *)i);
    for (long i = 0; i < THREADS; i++)
        pthread_join(workers[i], NULL);
    told("write", xs_write(h, 0, "data/threads/last", "", 0));
    pthread_join(watcher, NULL);
}

int main(void)
{
    /* Whatever waits for ever, does not. */
    alarm(PATIENCE_S);
    h = xs_open(0);
    if (!h) {
        told("open", false);
        return 1;
    }
    values();
    long_list();
    permissions();
    watches();
    filtered();
    transactions();
    domains();
    threads();
    xs_close(h);
    xs_close(NULL);
    plain();
    return 0;
}
