/* Publishes a stream of Sampled Values as a merging unit does: every frame at its instant.

   Frames are made from a template (a whole frame, from the encoder) and a wave (whole numbers of one
   second or less, from the bench): the program knows neither the protocol nor any waveform, only when to
   send what. Instants are absolute (CLOCK_REALTIME for a source in step with UTC, so that smpCnt 0
   is the full second), and late wake-ups are caught up in one system call.

   stdin, little endian: see publisher.py, which writes it. stdout: one line of figures at the end. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <sched.h>

#define BATCH 64
#define MOST_OCTETS 1600
#define BUCKETS 20001 /* microseconds of lateness */

struct head {
    uint32_t magic, octets, asdus, channels, rate, samples, first_count;
    uint32_t skip_from, skip_count; /* frames left out, once, from the start: a loss on purpose */
    uint32_t double_at, delay_at; /* frame sent twice; frame sent behind its successor; 0 none */
    uint32_t synchronised;
    double seconds;
    double start; /* UTC second to begin at; 0 for the next */
};
struct place { uint32_t count_at, values_at; };

static uint64_t histogram[BUCKETS];

static void fail(const char *what) { fprintf(stderr, "publisher: %s: %s\n", what, strerror(errno)); exit(1); }

static void take(void *to, size_t size) {
    if (fread(to, 1, size, stdin) != size) { fprintf(stderr, "publisher: its orders are too short\n"); exit(2); }
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void sleep_until(int64_t ns) {
    struct timespec t = {ns / 1000000000, ns % 1000000000};
    while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL) == EINTR) {}
}

static long percentile(uint64_t total, double share) {
    uint64_t sum = 0;
    for (long k = 0; k < BUCKETS; k++) { sum += histogram[k]; if ((double)sum >= share * (double)total) return k; }
    return BUCKETS;
}

int main(int argc, char **argv) {
    if (argc != 2) { fprintf(stderr, "usage: publisher INTERFACE < orders\n"); return 2; }
    struct head h;
    take(&h, sizeof h);
    if (h.magic != 0x53565031 || h.octets > MOST_OCTETS || h.octets < 60 || !h.asdus || h.asdus > 32 ||
        !h.channels || h.channels > 64 || !h.samples || !h.rate || h.rate % h.asdus) {
        fprintf(stderr, "publisher: orders that make no sense\n");
        return 2;
    }
    uint8_t form[MOST_OCTETS];
    struct place places[32];
    take(form, h.octets);
    take(places, h.asdus * sizeof *places);
    for (uint32_t k = 0; k < h.asdus; k++)
        if (places[k].count_at + 2 > h.octets || places[k].values_at + 8 * h.channels > h.octets) {
            fprintf(stderr, "publisher: a place outside of the frame\n");
            return 2;
        }
    size_t size = (size_t)h.samples * h.channels * sizeof(uint32_t);
    uint32_t *wave = malloc(size); /* network order */
    if (!wave) fail("memory");
    take(wave, size);

    int s = socket(AF_PACKET, SOCK_RAW, 0);
    if (s < 0) fail("socket (needs NET_RAW)");
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(0x88BA), .sll_ifindex = (int)if_nametoindex(argv[1]), .sll_halen = 6};
    if (!to.sll_ifindex) fail(argv[1]);
    memcpy(to.sll_addr, form, 6);
    if (bind(s, (struct sockaddr *)&to, sizeof to)) fail("bind");
    mlockall(MCL_CURRENT | MCL_FUTURE);
    struct sched_param fifo = {.sched_priority = 50};
    int real_time = sched_setscheduler(0, SCHED_FIFO, &fifo) == 0;

    static uint8_t frames[BATCH][MOST_OCTETS];
    static struct mmsghdr messages[BATCH];
    static struct iovec vectors[BATCH];
    for (int k = 0; k < BATCH; k++) {
        memcpy(frames[k], form, h.octets);
        vectors[k] = (struct iovec){frames[k], h.octets};
        messages[k].msg_hdr.msg_iov = &vectors[k];
        messages[k].msg_hdr.msg_iovlen = 1;
    }
    int64_t begin = (int64_t)((h.start > 0 ? h.start : (double)(now_ns() / 1000000000 + 1)) * 1e9);
    uint64_t per_second = h.rate / h.asdus, total = (uint64_t)(h.seconds * (double)per_second);
    uint64_t sent = 0, refused = 0, late_most = 0, skipped = 0;
    for (uint64_t frame = 0; frame < total;) {
        /* a frame leaves when its last sample has been taken */
        int64_t due = begin + (int64_t)(frame / per_second) * 1000000000 +
                      (int64_t)((frame % per_second + 1) * h.asdus - 1) * 1000000000 / h.rate;
        sleep_until(due);
        int64_t now = now_ns();
        int many = 0;
        while (frame < total && many + 2 < BATCH) {
            due = begin + (int64_t)(frame / per_second) * 1000000000 +
                  (int64_t)((frame % per_second + 1) * h.asdus - 1) * 1000000000 / h.rate;
            if (due > now) break;
            uint64_t late = (uint64_t)(now - due) / 1000;
            histogram[late < BUCKETS - 1 ? late : BUCKETS - 1]++;
            if (late > late_most) late_most = late;
            if (h.skip_count && frame >= h.skip_from && frame < (uint64_t)h.skip_from + h.skip_count) { frame++; skipped++; continue; }
            for (uint32_t k = 0; k < h.asdus; k++) {
                uint64_t sample = frame * h.asdus + k;
                uint32_t count = (uint32_t)((sample + h.first_count) % h.rate);
                uint8_t *f = frames[many];
                f[places[k].count_at] = (uint8_t)(count >> 8);
                f[places[k].count_at + 1] = (uint8_t)count;
                const uint32_t *values = wave + (sample % h.samples) * h.channels;
                for (uint32_t c = 0; c < h.channels; c++)
                    memcpy(f + places[k].values_at + 8 * c, values + c, 4);
            }
            int twice = h.double_at && frame == h.double_at;
            int swap = h.delay_at && frame == (uint64_t)h.delay_at + 1 && many > 0;
            if (swap) {
                uint8_t kept[MOST_OCTETS];
                memcpy(kept, frames[many], h.octets);
                memcpy(frames[many], frames[many - 1], h.octets);
                memcpy(frames[many - 1], kept, h.octets);
            }
            many++;
            if (twice) { memcpy(frames[many], frames[many - 1], h.octets); many++; }
            frame++;
            if (h.delay_at && frame == (uint64_t)h.delay_at + 1) { /* wait for its successor */
                now = due + 2 * (int64_t)h.asdus * 1000000000 / h.rate;
            }
        }
        for (int done = 0; done < many;) {
            int n = sendmmsg(s, messages + done, (unsigned)(many - done), 0);
            if (n < 0) { if (errno == EINTR) continue; if (errno == ENOBUFS) { refused++; done++; continue; } fail("send"); }
            done += n;
            sent += (uint64_t)n;
        }
    }
    uint64_t counted = total;
    printf("{\"frames\":%llu,\"refused\":%llu,\"skipped\":%llu,\"begin_ns\":%lld,\"real_time\":%d,\"late_us\":{\"p50\":%ld,\"p90\":%ld,\"p99\":%ld,\"p99.9\":%ld,\"most\":%llu}}\n",
           (unsigned long long)sent, (unsigned long long)refused, (unsigned long long)skipped, (long long)begin, real_time,
           percentile(counted, .5), percentile(counted, .9), percentile(counted, .99), percentile(counted, .999), (unsigned long long)late_most);
    return 0;
}
