// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One end of a TCP connection. */
#include "tcp.h"

#include "chance.h"

#define WINDOW 65535

uint32_t tcp_first;

static bool say(const struct tcp *tcp, uint8_t flags, struct packet *out)
{
    out->flags = flags;
    out->seq = tcp->nxt;
    out->ack = tcp->rcv;
    out->payload = 0;
    return true;
}

static bool reset(uint32_t seq, struct packet *out)
{
    out->flags = RST;
    out->seq = seq;
    out->ack = 0;
    out->payload = 0;
    return true;
}

void tcp_connect(struct tcp *tcp, struct packet *out)
{
    *tcp = (struct tcp){.state = SYN_SENT, .una = tcp_first + chance()};
    tcp->nxt = tcp->una + 1;
    tcp_speak(tcp, 0, out);
}

bool tcp_refuse(const struct packet *in, struct packet *out)
{
    if (in->flags & RST)
        return false;
    if (in->flags & ACK)
        return reset(in->ack, out);
    reset(0, out);
    out->flags = RST | ACK;
    out->ack = in->seq + packet_length(in);
    return true;
}

bool tcp_listen(struct tcp *tcp, const struct packet *in, struct packet *out)
{
    if (in->flags & (RST | ACK))
        return tcp_refuse(in, out);
    if ((in->flags & (SYN | FIN)) != SYN)
        return false;
    *tcp = (struct tcp){.state = SYN_RECEIVED, .una = tcp_first + chance(), .rcv = in->seq + 1};
    tcp->nxt = tcp->una + 1;
    tcp_speak(tcp, 0, out);
    return true;
}

static bool in_syn_sent(struct tcp *tcp, const struct packet *in, struct packet *out)
{
    if (in->flags & ACK && in->ack != tcp->nxt)
        return tcp_refuse(in, out);
    if (in->flags & RST) {
        if (in->flags & ACK)
            tcp->state = ENDED;
        return false;
    }
    if ((in->flags & (SYN | ACK)) != (SYN | ACK))
        return false;
    tcp->rcv = in->seq + 1;
    tcp->una = tcp->nxt;
    tcp->state = ESTABLISHED;
    return say(tcp, ACK, out);
}

/* Returns false if the packet says no more than has been dealt with; *send tells of the answer. In
 * the order of Linux (tcp_check_req): another SYN is answered like what is out of the window. */
static bool in_syn_received(struct tcp *tcp, const struct packet *in, struct packet *out,
                            bool *send)
{
    bool syn = in->flags & SYN;

    *send = false;
    if (in->flags & RST)
        return true;
    if (syn && in->seq == tcp->rcv - 1) {
        tcp_speak(tcp, 0, out);
        *send = true;
    } else if (in->flags & ACK && in->ack != tcp->nxt) {
        *send = tcp_refuse(in, out);
    } else if (syn || in->seq - tcp->rcv > WINDOW) {
        *send = say(tcp, ACK, out);
    } else if (in->flags & ACK) {
        tcp->state = ESTABLISHED;
    }
    return tcp->state == ESTABLISHED;
}

/* Takes what acknowledges all that is under way. Returns whether the number is possible. */
static bool take_ack(struct tcp *tcp, uint32_t ack)
{
    if (ack - (tcp->una - WINDOW) > tcp->nxt - tcp->una + WINDOW)
        return false;
    if (ack == tcp->nxt) {
        tcp->una = ack;
        tcp->sent = 0;
    }
    return true;
}

static bool take_data(struct tcp *tcp, const struct packet *in, uint16_t answer, struct packet *out)
{
    uint32_t length = packet_length(in);

    tcp->rcv += length;
    tcp->fin_received |= !!(in->flags & FIN);
    if (tcp->fin_received && tcp->fin_sent && tcp_is_idle(tcp))
        tcp->state = ENDED;
    if (!length)
        return false;
    if (in->payload && answer && tcp_is_idle(tcp) && !tcp->fin_sent) {
        tcp_speak(tcp, answer, out);
        return true;
    }
    return say(tcp, ACK, out);
}

bool tcp_receive(struct tcp *tcp, const struct packet *in, uint16_t answer, struct packet *out)
{
    uint32_t ahead = in->seq - tcp->rcv;
    bool send;

    if (tcp->state == SYN_SENT)
        return in_syn_sent(tcp, in, out);
    if (tcp->state == SYN_RECEIVED && !in_syn_received(tcp, in, out, &send))
        return send;
    if (in->flags & RST) {
        if (!ahead)
            tcp->state = ENDED;
        return ahead && ahead <= WINDOW && say(tcp, ACK, out);
    }
    if (in->flags & SYN)
        return say(tcp, ACK, out);
    if (!(in->flags & ACK))
        return false;
    if (ahead)
        return (packet_length(in) || ahead > WINDOW) && say(tcp, ACK, out);
    if (!take_ack(tcp, in->ack))
        return say(tcp, ACK, out);
    return take_data(tcp, in, answer, out);
}

bool tcp_is_idle(const struct tcp *tcp)
{
    return tcp->una == tcp->nxt;
}

void tcp_speak(struct tcp *tcp, uint16_t bytes, struct packet *out)
{
    say(tcp, ACK, out);
    if (tcp->state == SYN_SENT || tcp->state == SYN_RECEIVED) {
        out->seq = tcp->una;
        out->flags = tcp->state == SYN_SENT ? SYN : SYN | ACK;
        return;
    }
    if (tcp_is_idle(tcp) && tcp->fin_sent) {
        out->seq--;
        return;
    }
    if (tcp_is_idle(tcp)) {
        tcp->sent = bytes;
        tcp->fin_sent = !bytes;
        tcp->nxt += bytes ? bytes : 1;
    }
    out->seq = tcp->una;
    out->payload = tcp->sent;
    out->flags = tcp->sent ? ACK | PSH : ACK | FIN;
}

void tcp_abort(struct tcp *tcp, struct packet *out)
{
    tcp->state = ENDED;
    say(tcp, RST | ACK, out);
}
