/* Makes the libxenvchan calls that it reads from stdin, one a line, and says what each returned.
 *
 * Bytes sent are a fixed pattern, each a function of its place in the stream, and bytes received
 * are compared with it, so that loss and disorder show. The output holds nothing that differs
 * between two right libraries: no address, no port, no time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libxenvchan.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static struct libxenvchan *ctrl;
static unsigned long sent, received;
/* errno after the last call that failed. */
static int why;
static unsigned char buffer[2 << 20];

static unsigned char pattern(unsigned long at) {
    return at * 167 + (at >> 8) * 13 + (at >> 16);
}

static void fill(size_t size) {
    for (size_t i = 0; i < size; i++)
        buffer[i] = pattern(sent + i);
}

static const char *verdict(int got) {
    for (int i = 0; i < got; i++)
        if (buffer[i] != pattern(received + i))
            return "WRONG";
    return "right";
}

typedef int put(struct libxenvchan *, const void *, size_t);
typedef int get(struct libxenvchan *, void *, size_t);

static int one_put(put *call, size_t size) {
    fill(size);
    int moved = call(ctrl, buffer, size);
    if (moved < 0)
        why = errno;
    if (moved > 0)
        sent += moved;
    return moved;
}

static void puts_one(const char *name, put *call, size_t size) {
    printf("%s %zu -> %d\n", name, size, one_put(call, size));
}

static void gets_one(const char *name, get *call, size_t size) {
    int moved = call(ctrl, buffer, size);
    if (moved < 0)
        why = errno;
    const char *said = verdict(moved);
    if (moved > 0)
        received += moved;
    printf("%s %zu -> %d %s\n", name, size, moved, said);
}

/* Many puts until `total` bytes are moved or one fails. */
static void puts_many(const char *name, put *call, unsigned long total, size_t size) {
    unsigned long left = total;
    while (left > 0) {
        int moved = one_put(call, left < size ? left : size);
        if (moved <= 0)
            break;
        left -= moved;
    }
    printf("%s %lu moved\n", name, total - left);
}

static void gets_many(const char *name, get *call, unsigned long total, size_t size) {
    unsigned long left = total;
    const char *said = "right";
    while (left > 0 && !strcmp(said, "right")) {
        int moved = call(ctrl, buffer, left < size ? left : size);
        if (moved <= 0)
            break;
        said = verdict(moved);
        received += moved;
        left -= moved;
    }
    printf("%s %lu moved %s\n", name, total - left, said);
}

/* Sends back what comes, until `total` bytes have come. */
static void echo(unsigned long total, size_t size) {
    unsigned long left = total;
    while (left > 0) {
        int got = libxenvchan_read(ctrl, buffer, left < size ? left : size);
        if (got <= 0 || libxenvchan_write(ctrl, buffer, got) != got)
            break;
        left -= got;
    }
    printf("echo %lu moved\n", total - left);
}

/* Whether the descriptor becomes readable within so many milliseconds. */
static void show(int milliseconds) {
    struct pollfd fd = { .fd = libxenvchan_fd_for_select(ctrl), .events = POLLIN };
    printf("poll -> %d\n", poll(&fd, 1, milliseconds));
}

/* Takes all events that are pending, without waiting for one. */
static void quiet(void) {
    struct pollfd fd = { .fd = libxenvchan_fd_for_select(ctrl), .events = POLLIN };
    while (poll(&fd, 1, 0) == 1)
        libxenvchan_wait(ctrl);
    printf("quiet\n");
}

static void wait_nonblocking(void) {
    int fd = libxenvchan_fd_for_select(ctrl), flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    int result = libxenvchan_wait(ctrl);
    why = errno;
    fcntl(fd, F_SETFL, flags);
    printf("trywait -> %d%s\n", result, result < 0 && why == EAGAIN ? " EAGAIN" : "");
}

/* What a program may read in the public struct. Debian's leaves a client's `server_persist` unset. */
static void fields(void) {
    char *page = (char *)ctrl->ring;
    printf("server %d persist %d blocking %d orders %d %d port %d path %s", !!ctrl->is_server,
           ctrl->is_server && ctrl->server_persist, !!ctrl->blocking, ctrl->read.order, ctrl->write.order,
           ctrl->event_port > 0, ctrl->is_server ? ctrl->xs_path : "-");
    printf(" indexes at %d %d", (int)((char *)ctrl->read.shr - page),
           (int)((char *)ctrl->write.shr - page));
    if (ctrl->read.order < 12)
        printf(" read ring at %d", (int)((char *)ctrl->read.buffer - page));
    if (ctrl->write.order < 12)
        printf(" write ring at %d", (int)((char *)ctrl->write.buffer - page));
    printf(" page says %u %u\n", ctrl->ring->left_order, ctrl->ring->right_order);
}

/* A wake-up that a program may rely on: sleeps until that much can be read. */
static void until_ready(int wanted) {
    while (libxenvchan_data_ready(ctrl) < wanted && libxenvchan_is_open(ctrl) == 1)
        libxenvchan_wait(ctrl);
    printf("ready %d\n", libxenvchan_data_ready(ctrl) >= wanted);
}

static void until_open(int wanted) {
    while (libxenvchan_is_open(ctrl) != wanted)
        libxenvchan_wait(ctrl);
    printf("open is %d\n", wanted);
}

/* A child that closes the channel as its own. */
static void fork_and_close(void) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        libxenvchan_close(ctrl);
        _exit(0);
    }
    waitpid(child, &status, 0);
    printf("fork -> %d\n", status);
}

static int alarms, restart;

/* Says on stdout that so many have come that one of them has met a call that waits. */
static void ring(int signal) {
    (void)signal;
    if (++alarms == 5 && restart && write(STDOUT_FILENO, "rang\n", 5) != 5)
        _exit(1);
}

/* A recv with an alarm every ten milliseconds, whose handler lets calls restart or not. */
static void recv_under_alarms(size_t size, int lets_restart) {
    struct itimerval often = { { 0, 10000 }, { 0, 10000 } }, never = { { 0, 0 }, { 0, 0 } };
    struct sigaction action = { .sa_handler = ring, .sa_flags = lets_restart ? SA_RESTART : 0 };
    restart = lets_restart;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    int moved = libxenvchan_recv(ctrl, buffer, size);
    why = errno;
    setitimer(ITIMER_REAL, &never, NULL);
    printf("recv -> %d\n", moved);
}

static void run(char *line) {
    char word[32] = "", path[256] = "";
    unsigned long a = 0, b = 0;
    int domain = 0;
    if (sscanf(line, "listen %d %255s %lu %lu", &domain, path, &a, &b) == 4) {
        errno = 0;
        ctrl = libxenvchan_server_init(NULL, domain, path, a, b);
        why = errno;
        if (ctrl)
            ctrl->blocking = 0;
        printf("listen -> %s\n", ctrl ? "a channel" : "NULL");
        return;
    }
    if (sscanf(line, "connect %d %255s", &domain, path) == 2) {
        errno = 0;
        ctrl = libxenvchan_client_init(NULL, domain, path);
        why = errno;
        if (ctrl)
            ctrl->blocking = 0;
        printf("connect -> %s\n", ctrl ? "a channel" : "NULL");
        return;
    }
    sscanf(line, "%31s %lu %lu", word, &a, &b);
    if (!strcmp(word, "send")) puts_one(word, libxenvchan_send, a);
    else if (!strcmp(word, "write")) puts_one(word, libxenvchan_write, a);
    else if (!strcmp(word, "recv")) gets_one(word, libxenvchan_recv, a);
    else if (!strcmp(word, "read")) gets_one(word, libxenvchan_read, a);
    else if (!strcmp(word, "sends")) puts_many(word, libxenvchan_send, a, b);
    else if (!strcmp(word, "writes")) puts_many(word, libxenvchan_write, a, b);
    else if (!strcmp(word, "recvs")) gets_many(word, libxenvchan_recv, a, b);
    else if (!strcmp(word, "reads")) gets_many(word, libxenvchan_read, a, b);
    else if (!strcmp(word, "echo")) echo(a, b);
    else if (!strcmp(word, "at")) { received = a; sent = b; printf("at %lu %lu\n", a, b); }
    else if (!strcmp(word, "why")) printf("why: %s\n", strerrorname_np(why));
    else if (!strcmp(word, "open")) printf("open -> %d\n", libxenvchan_is_open(ctrl));
    else if (!strcmp(word, "ready")) printf("ready -> %d\n", libxenvchan_data_ready(ctrl));
    else if (!strcmp(word, "space")) printf("space -> %d\n", libxenvchan_buffer_space(ctrl));
    else if (!strcmp(word, "wait")) printf("wait -> %d\n", libxenvchan_wait(ctrl));
    else if (!strcmp(word, "trywait")) wait_nonblocking();
    else if (!strcmp(word, "until_ready")) until_ready(a);
    else if (!strcmp(word, "until_open")) until_open(a);
    else if (!strcmp(word, "poll")) show(a);
    else if (!strcmp(word, "quiet")) quiet();
    else if (!strcmp(word, "fork")) fork_and_close();
    else if (!strcmp(word, "recv_under_alarms")) recv_under_alarms(a, b);
    else if (!strcmp(word, "fields")) fields();
    else if (!strcmp(word, "blocking")) { ctrl->blocking = a; printf("blocking %lu\n", a); }
    else if (!strcmp(word, "persist")) { ctrl->server_persist = a; printf("persist %lu\n", a); }
    else if (!strcmp(word, "close")) { libxenvchan_close(ctrl); ctrl = NULL; printf("closed\n"); }
    else printf("what is %s\n", word);
}

int main(void) {
    char line[512];
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof line, stdin))
        run(line);
    return 0;
}
