/* A Modbus device on libmodbus, for tests: `server tcp PORT UNIT` or `server rtu DEVICE UNIT`.
 *
 * It answers what libmodbus answers, and leaves requests to other units without an answer.
 */
#include <errno.h>
#include <modbus/modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST 100
#define COUNT 200

/* Bytes A (most significant) to D of a single, in an order such as "badc". libmodbus' own functions
 * for that changed their meaning between its versions. */
static void put_single(float value, const char *order, uint16_t *at)
{
    uint32_t bits;
    uint8_t bytes[4];
    memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(bits >> (8 * ('d' - order[i])));
    at[0] = (uint16_t)(bytes[0] << 8 | bytes[1]);
    at[1] = (uint16_t)(bytes[2] << 8 | bytes[3]);
}

static void fill(modbus_mapping_t *map)
{
    uint16_t *at = map->tab_registers;
    put_single(230.25f, "abcd", at + 0);
    modbus_set_float(-231.5f, at + 2); /* low word first */
    put_single(1.0e6f, "badc", at + 4);
    put_single(0.15625f, "dcba", at + 6);
    MODBUS_SET_INT32_TO_INT16(at, 8, -1234567890);
    MODBUS_SET_INT64_TO_INT16(at, 10, 0x0123456789ABCDEFLL);
    at[14] = 54321;
    at[20] = 0;
    for (int i = 0; i < 16; i++)
        map->tab_bits[i] = i % 3 == 0;
    for (int i = 0; i < 16; i++)
        map->tab_input_bits[i] = i % 5 == 0;
    for (int i = 0; i < COUNT; i++)
        map->tab_input_registers[i] = (uint16_t)(7 * i);
}

static void serve(modbus_t *context, modbus_mapping_t *map)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    for (;;) {
        int length = modbus_receive(context, query);
        if (length > 0)
            modbus_reply(context, query, length, map);
        else if (length == -1 && errno != EMBBADCRC)
            return;
    }
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    int rtu = strcmp(argv[1], "rtu") == 0;
    modbus_t *context = rtu ? modbus_new_rtu(argv[2], 115200, 'N', 8, 1)
                            : modbus_new_tcp("127.0.0.1", atoi(argv[2]));
    modbus_mapping_t *map = modbus_mapping_new_start_address(
        0, 16, 0, 16, FIRST, COUNT, 0, COUNT);
    if (context == NULL || map == NULL)
        return 1;
    modbus_set_slave(context, atoi(argv[3]));
    fill(map);
    if (rtu) {
        if (modbus_connect(context) == -1)
            return 1;
        puts("ready");
        fflush(stdout);
        for (;;)
            serve(context, map);
    }
    int listener = modbus_tcp_listen(context, 1);
    if (listener == -1)
        return 1;
    puts("ready");
    fflush(stdout);
    while (modbus_tcp_accept(context, &listener) != -1) {
        serve(context, map);
        modbus_close(context);
    }
    return 0;
}
