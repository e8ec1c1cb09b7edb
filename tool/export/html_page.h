/* SPDX-License-Identifier: MIT
 *
 * html_page.h - the page of tool/ui/web, as the build bundled it: what stands before
 * the document and what stands after it. Without npm there is none, and both are empty.
 */
#ifndef HT_TOOL_HTML_PAGE_H
#define HT_TOOL_HTML_PAGE_H

#include <stddef.h>

extern const unsigned char html_page_head[];
extern const size_t html_page_head_bytes; /* 0: this tool was built without the page */
extern const unsigned char html_page_tail[];
extern const size_t html_page_tail_bytes;

#endif /* HT_TOOL_HTML_PAGE_H */
