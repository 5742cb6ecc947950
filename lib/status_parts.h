/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTW_STATUS_PARTS_H
#define CTW_STATUS_PARTS_H

/* The parts of the picture of lib/render_status that are not the table itself. Each writes whole
 * lines, or none when there is nothing to say. */

#include "status_picture.h"

/** ctw_picture_hour() - a sparkline of the last hour */
void ctw_picture_hour(struct ctw_picture *p);

/** ctw_picture_sources() - what cannot be read */
void ctw_picture_sources(struct ctw_picture *p);

/** ctw_picture_growth() - whether it may grow, how far, and why not now */
void ctw_picture_growth(struct ctw_picture *p);

/** ctw_picture_who() - who fills it, when last asked */
void ctw_picture_who(struct ctw_picture *p);

/** ctw_picture_said() - the last alerts, the newest first */
void ctw_picture_said(struct ctw_picture *p);

#endif
