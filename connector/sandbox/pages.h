#pragma once

/*
 * Pages that are no plain collection or item: each answers one path of routes.c by one method or
 * two. What stands for the "{}"s of the path is in the visit's parts.
 */

#include "connector/sandbox/visit.h"

typedef void box_page_fn(struct box_visit *v);

/* People: pages_people.c */
box_page_fn box_page_add_member;
box_page_fn box_page_remove_member;
box_page_fn box_page_invite;
box_page_fn box_page_memberships;
box_page_fn box_page_pinned_views;
box_page_fn box_page_send_as_bulk;
box_page_fn box_page_send_as_delete;

/* What is said and seen: pages_talk.c */
box_page_fn box_page_threads;
box_page_fn box_page_delete_comment;
box_page_fn box_page_integrate_meeting;
box_page_fn box_page_request_number;
box_page_fn box_page_blocking;
box_page_fn box_page_resubscribe;
box_page_fn box_page_archive;
box_page_fn box_page_put_link;
box_page_fn box_page_delete_link;
box_page_fn box_page_unmap_link;

/* What is worked out, or done to many: pages_work.c */
box_page_fn box_page_tasks;
box_page_fn box_page_pause_bulk; /* bulk.c */
box_page_fn box_page_exports;
box_page_fn box_page_export;
box_page_fn box_page_upload;
box_page_fn box_page_enrich;
box_page_fn box_page_activity_report;
box_page_fn box_page_funnel;
