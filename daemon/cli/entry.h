/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Entries, expectations and events as lines on stdout, with libnetfilter_conntrack: the text and
 * the XML that conntrack(8) prints, or JSON with every attribute. The members of the JSON are
 * described in conf/schema/flows.schema.json. And the part of a filter that the kernel applies to
 * the events of a socket.
 */

#include <jansson.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/cli/cli.h"

enum ctw_entry_format { CTW_ENTRY_TEXT, CTW_ENTRY_JSON, CTW_ENTRY_XML };

/** ctw_entry_format() - the format by --json and --xml. Return: as ctw_cli_number(). */
int ctw_entry_format(const struct ctw_cli *cli, bool json, bool xml, enum ctw_entry_format *ret);

struct ctw_entry_printer;

/**
 * ctw_entry_printer_new() - a printer for stdout
 * @root:  the element around all others in XML: "conntrack", or "expect" for expectations
 *
 * It reads the names of labels from /etc/xtables/connlabel.conf, which need
 * not exist
 *
 * Return: NULL when there is no memory.
 */
struct ctw_entry_printer *ctw_entry_printer_new(enum ctw_entry_format format, const char *root);
struct ctw_entry_printer *ctw_entry_printer_free(struct ctw_entry_printer *p);

/** ctw_entry_label() - the bit of a label's name, for ctw_filter_parse(); @printer is a printer */
int ctw_entry_label(const char *name, void *printer);

/** ctw_entry_end() - what XML has behind its entries; call it also where none was printed */
void ctw_entry_end(struct ctw_entry_printer *p);

/**
 * ctw_entry_print() - print an entry of a dump
 * @message:  of ctnetlink
 *
 * Return: 0; -EBADMSG when it is malformed, and nothing is printed; -ENOMEM.
 */
int ctw_entry_print(struct ctw_entry_printer *p, const struct nlmsghdr *message);

/** ctw_entry_print_expectation() - the same for an expectation */
int ctw_entry_print_expectation(struct ctw_entry_printer *p, const struct nlmsghdr *message);

/**
 * ctw_entry_print_event() - the same for an event
 * @time_usec:  when it was read, since 1970; 0: not shown
 */
int ctw_entry_print_event(struct ctw_entry_printer *p, const struct nlmsghdr *message,
                          uint64_t time_usec);

/** ctw_entry_print_json() - print an object as a line. Return: 0; -ENOMEM, also for NULL. */
int ctw_entry_print_json(json_t *object);

/** ctw_entry_to_json() - an entry with all its attributes; labels are named by @labels, or NULL */
json_t *ctw_entry_to_json(const struct nf_conntrack *ct, struct nfct_labelmap *labels);

/**
 * ctw_event_filter_attach() - let only events that may match cross a socket
 *
 * Where it cannot be attached, all events come, and ctw_filter_match() decides as always.
 */
void ctw_event_filter_attach(int fd, const struct ctw_filter *f);
