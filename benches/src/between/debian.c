/* One end of a vchan of Debian's libxenvchan, called as the ends in Rust are: an order a line on
 * stdin (`move debian 64 100000`), its answer on stdout (`ok SUM`). Messages are written and summed as
 * payload.rs does it.
 *
 *   debian sender|receiver PEER PATH RING CORE
 *
 * PEER is the other end's domain, PATH where in the store they meet, RING the bytes of the ring
 * that carries the data, CORE where it runs.
 */
#define _GNU_SOURCE
#include <libxenvchan.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that the receiver takes at once, at most. */
#define READ (256 << 10)
/* Small enough for the ring of the other direction to lie in the shared page. */
#define BACK 2048

static uint64_t buffer[READ / sizeof(uint64_t)];

static void fill(size_t len, uint64_t number) {
    uint64_t word = number * 0x9E3779B97F4A7C15;
    for (size_t i = 0; i < len / sizeof word; i++) {
        buffer[i] = word;
        word += 0x0101010101010101;
    }
}

static uint64_t sum(size_t words) {
    uint64_t total = 0;
    for (size_t i = 0; i < words; i++)
        total += buffer[i];
    return total;
}

/* A blocking write writes all. */
static int send_all(struct libxenvchan *ctrl, size_t len, uint64_t count) {
    for (uint64_t number = 0; number < count; number++) {
        fill(len, number);
        if (libxenvchan_write(ctrl, buffer, len) != (int)len)
            return -1;
    }
    return 0;
}

static int receive_all(struct libxenvchan *ctrl, uint64_t missing, uint64_t *total) {
    size_t kept = 0;
    while (missing > 0) {
        size_t room = READ - kept;
        char *bytes = (char *)buffer;
        int got = libxenvchan_read(ctrl, bytes + kept, missing < room ? missing : room);
        if (got <= 0)
            return -1;
        missing -= got;
        size_t filled = kept + got, words = filled / sizeof(uint64_t);
        *total += sum(words);
        kept = filled - words * sizeof(uint64_t);
        memmove(bytes, bytes + words * sizeof(uint64_t), kept);
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 6)
        return 2;
    cpu_set_t core;
    CPU_ZERO(&core);
    CPU_SET(atoi(argv[5]), &core);
    if (sched_setaffinity(0, sizeof core, &core)) {
        perror("sched_setaffinity");
        return 1;
    }
    int sends = strcmp(argv[1], "sender") == 0, peer = atoi(argv[2]);
    struct libxenvchan *ctrl = sends
        ? libxenvchan_client_init(NULL, peer, argv[3])
        : libxenvchan_server_init(NULL, peer, argv[3], strtoul(argv[4], NULL, 10), BACK);
    if (!ctrl) {
        perror("libxenvchan");
        return 1;
    }
    ctrl->blocking = 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("ok 0");
    size_t len;
    uint64_t count;
    while (scanf("%*s %*s %zu %lu", &len, &count) == 2) {
        uint64_t total = 0;
        if (len > sizeof buffer)
            return 2;
        if (sends ? send_all(ctrl, len, count) : receive_all(ctrl, len * count, &total))
            return 1;
        printf("ok %lu\n", total);
    }
    libxenvchan_close(ctrl);
    return 0;
}
