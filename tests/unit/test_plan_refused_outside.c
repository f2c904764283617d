// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Plans that are refused for what they have to do with the world outside: a row for each reason,
 * with the whole message. */
#include "plan_text.h"

static const struct plan_refusal refusals[] = {
    /* checks */
    {"checks as a mapping", PLAN_STEPS "  checks: {exec: {command: [a]}}\n",
     "f:5:11: checks must be a list (an empty one is []), but is a mapping of keys to values"},
    {"a check that is a text", PLAN_STEPS "  checks: [exec]\n",
     "f:5:12: a check must be a mapping of keys to values, but is a text"},
    {"a check of an unknown kind", PLAN_STEPS "  checks: [{graphite: {}}]\n",
     "f:5:13: unknown key \"graphite\" in a check; known keys: prometheus, exec"},
    {"a check of no kind", PLAN_STEPS "  checks: [{}]\n",
     "f:5:12: a check needs prometheus or exec"},
    {"a check of two kinds",
     PLAN_STEPS
     "  checks: [{exec: {command: [a]}, prometheus: {url: 'http://a', query: q, fail: '> 1'}}]\n",
     "f:5:19: a check is either prometheus or exec; make it two"},
    {"a prometheus without fail",
     PLAN_STEPS "  checks: [{prometheus: {url: 'http://a', query: q}}]\n",
     "f:5:25: key \"fail\" is missing in prometheus; required keys: url, query, fail"},
    {"an url without http",
     PLAN_STEPS "  checks: [{prometheus: {url: '127.0.0.1:9090', query: q, fail: '> 1'}}]\n",
     "f:5:31: url \"127.0.0.1:9090\" is not the address of a server; write it like "
     "http://127.0.0.1:9090; http and https are allowed"},
    {"an url of another scheme",
     PLAN_STEPS "  checks: [{prometheus: {url: 'ftp://a', query: q, fail: '> 1'}}]\n",
     "f:5:31: url \"ftp://a\" is not the address of a server; write it like http://127.0.0.1:9090; "
     "http and https are allowed"},
    {"an url without a host",
     PLAN_STEPS "  checks: [{prometheus: {url: 'http://', query: q, fail: '> 1'}}]\n",
     "f:5:31: url \"http://\" is not the address of a server; write it like http://127.0.0.1:9090; "
     "http and https are allowed"},
    {"an url with a port only",
     PLAN_STEPS "  checks: [{prometheus: {url: 'https://:80', query: q, fail: '> 1'}}]\n",
     "f:5:31: url \"https://:80\" is not the address of a server; write it like "
     "http://127.0.0.1:9090; http and https are allowed"},
    {"an url with a blank",
     PLAN_STEPS "  checks: [{prometheus: {url: 'http://a b', query: q, fail: '> 1'}}]\n",
     "f:5:31: url \"http://a b\" has a blank or a character beyond ASCII; write it as %20 and the "
     "like"},
    {"an empty query",
     PLAN_STEPS "  checks: [{prometheus: {url: 'http://a', query: '', fail: '> 1'}}]\n",
     "f:5:50: query is empty; a text is needed"},
    {"a query with a control character",
     PLAN_STEPS "  checks: [{prometheus: {url: 'http://a', query: \"a\\x7f\", fail: '> 1'}}]\n",
     "f:5:50: query has a control character; tabs and newlines are allowed"},
    {"a query with an unknown template",
     PLAN_STEPS
     "  checks: [{prometheus: {url: 'http://a', query: 'up{v=\"{{verson}}\"}', fail: '> 1'}}]\n",
     "f:5:50: query: unknown template \"{{verson}}\"}\"; known: {{version}}, {{service}}"},
    {"a query with an open template",
     PLAN_STEPS "  checks: [{prometheus: {url: 'http://a', query: 'up{{version}', fail: '> 1'}}]\n",
     "f:5:50: query: unknown template \"{{version}\"; known: {{version}}, {{service}}"},
    {"a fail without a sign",
     PLAN_STEPS "  checks: [{prometheus: {url: 'http://a', query: q, fail: 0.01}}]\n",
     "f:5:59: fail \"0.01\" is no condition; known: \"> NUMBER\", \">= NUMBER\", \"< NUMBER\", "
     "\"<= NUMBER\", as in \"> 0.01\""},
    {"a fail of an unknown sign",
     PLAN_STEPS "  checks: [{prometheus: {url: 'http://a', query: q, fail: '== 1'}}]\n",
     "f:5:59: fail \"== 1\" is no condition; known: \"> NUMBER\", \">= NUMBER\", \"< NUMBER\", "
     "\"<= NUMBER\", as in \"> 0.01\""},
    {"a fail without a number",
     PLAN_STEPS "  checks: [{prometheus: {url: 'http://a', query: q, fail: '>'}}]\n",
     "f:5:59: fail \">\" is no condition; known: \"> NUMBER\", \">= NUMBER\", \"< NUMBER\", \"<= "
     "NUMBER\", as in \"> 0.01\""},
    {"a fail of no number",
     PLAN_STEPS "  checks: [{prometheus: {url: 'http://a', query: q, fail: '> nan'}}]\n",
     "f:5:59: fail \"> nan\" is no condition; known: \"> NUMBER\", \">= NUMBER\", \"< NUMBER\", "
     "\"<= NUMBER\", as in \"> 0.01\""},
    {"an endless fail",
     PLAN_STEPS "  checks: [{prometheus: {url: 'http://a', query: q, fail: '> 1e999'}}]\n",
     "f:5:59: fail \"> 1e999\" is no condition; known: \"> NUMBER\", \">= NUMBER\", \"< NUMBER\", "
     "\"<= NUMBER\", as in \"> 0.01\""},
    {"a fail with more behind it",
     PLAN_STEPS "  checks: [{prometheus: {url: 'http://a', query: q, fail: '> 1 2'}}]\n",
     "f:5:59: fail \"> 1 2\" is no condition; known: \"> NUMBER\", \">= NUMBER\", \"< NUMBER\", "
     "\"<= NUMBER\", as in \"> 0.01\""},
    {"a check that comes too often",
     PLAN_STEPS "  checks: [{exec: {command: [a], every: 999ms}}]\n",
     "f:5:41: every \"999ms\" is out of range; 1s to 24h is allowed"},
    {"a check that comes too seldom",
     PLAN_STEPS "  checks: [{exec: {command: [a], every: 24h1s}}]\n",
     "f:5:41: every \"24h1s\" is out of range; 1s to 24h is allowed"},
    {"a command that is a text", PLAN_STEPS "  checks: [{exec: {command: ./smoke.sh}}]\n",
     "f:5:29: command must be a list (an empty one is []), but is a text"},
    {"a command of no words", PLAN_STEPS "  checks: [{exec: {command: []}}]\n",
     "f:5:29: command is an empty list; 1 to 32 words are allowed"},
    {"a command with an empty word", PLAN_STEPS "  checks: [{exec: {command: [a, '']}}]\n",
     "f:5:33: a word of command is empty; a text is needed"},
    {"a command with a word that is a list", PLAN_STEPS "  checks: [{exec: {command: [a, [b]]}}]\n",
     "f:5:33: a word of command must be a text, but is a list"},
    {"a command with an unknown template",
     PLAN_STEPS "  checks: [{exec: {command: [a, '{{name}}']}}]\n",
     "f:5:33: a word of command: unknown template \"{{name}}\"; known: {{version}}, {{service}}"},
    {"a command with a template without quotes",
     PLAN_STEPS "  checks: [{exec: {command: [a, {{version}}]}}]\n",
     "f:5:33: a word of command must be a text, but is a mapping of keys to values; with braces in "
     "it, it needs quotes"},

    /* notify */
    {"notify as a text", PLAN_STEPS "  notify: me\n",
     "f:5:11: notify must be a list (an empty one is []), but is a text"},
    {"a hook of an unknown kind", PLAN_STEPS "  notify: [{mail: {to: me}}]\n",
     "f:5:13: unknown key \"mail\" in a hook; known keys: webhook, exec"},
    {"a hook of no kind", PLAN_STEPS "  notify: [{}]\n", "f:5:12: a hook needs webhook or exec"},
    {"a hook of two kinds",
     PLAN_STEPS "  notify: [{exec: {command: [a]}, webhook: {url: 'http://a'}}]\n",
     "f:5:19: a hook is either webhook or exec; make it two"},
    {"a webhook without url", PLAN_STEPS "  notify: [{webhook: {on: [paused]}}]\n",
     "f:5:22: key \"url\" is missing in webhook; required keys: url"},
    {"a webhook whose url is none", PLAN_STEPS "  notify: [{webhook: {url: me}}]\n",
     "f:5:28: url \"me\" is not the address of a server; write it like http://127.0.0.1:9090; http "
     "and https are allowed"},
    {"a hook on an unknown event",
     PLAN_STEPS "  notify: [{exec: {command: [a], on: [paused, aborted]}}]\n",
     "f:5:47: event \"aborted\" is unknown; known: started, advanced, paused, resumed, "
     "rolled_back, promoted, undone"},
    {"a hook on a text", PLAN_STEPS "  notify: [{exec: {command: [a], on: paused}}]\n",
     "f:5:38: on must be a list (an empty one is []), but is a text"},
    {"a hook on nothing", PLAN_STEPS "  notify: [{exec: {command: [a], on: []}}]\n",
     "f:5:38: on is an empty list; without it a hook is called for all events"},
};

PLAN_REFUSALS_MAIN("refused checks and hooks", refusals)
