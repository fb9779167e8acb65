-- Everything the run keeps. sync.* holds all runs; raw_* and out_* hold the newest one. Times are UTC.
create schema if not exists raw_centra;
create schema if not exists raw_myogo;
create schema if not exists out_myogo;
create schema if not exists out_centra;
create schema if not exists sync;

create table if not exists sync.layout (version integer);
insert into sync.layout select 1 where not exists (from sync.layout);
comment on table sync.layout is 'Which layout of the sync tables this file has.';

create table if not exists sync.runs (
    run_id varchar primary key, channel varchar, verb varchar, started_at timestamp, ended_at timestamp,
    outcome varchar, exit_code integer, message varchar, fingerprint varchar, forced boolean, selection varchar[],
    flow varchar, "read" bigint, skipped bigint, withheld bigint, "create" bigint, "update" bigint,
    unchanged bigint, drifted bigint, unmatched bigint, applied bigint, refused bigint, unknown bigint,
    not_attempted bigint, facts json);
create table if not exists sync.flows (
    run_id varchar, flow varchar, fingerprint varchar, "read" bigint, skipped bigint, withheld bigint, "create" bigint,
    "update" bigint, unchanged bigint, drifted bigint, unmatched bigint, applied bigint, refused bigint, unknown bigint,
    not_attempted bigint);
-- Of the time when a run had one flow.
insert into sync.flows by name select run_id, flow, fingerprint, "read", skipped, withheld, "create", "update",
    unchanged, drifted, unmatched, applied, refused, unknown, not_attempted
from sync.runs where ended_at is not null and flow = 'products' and run_id not in (select run_id from sync.flows);
create table if not exists sync.changes (
    run_id varchar, flow varchar, action varchar, key varchar, stock_item_id varchar, before json, after json);
create table if not exists sync.journal (
    run_id varchar, flow varchar, key varchar, action varchar, intended_at timestamp, ended_at timestamp,
    outcome varchar, status integer, message varchar);
create table if not exists sync.withheld (
    run_id varchar, flow varchar, key varchar, stock_item_id varchar, code varchar, rule varchar,
    "column" varchar, "value" varchar, since timestamp, message varchar, fix varchar, owner varchar);
create table if not exists sync.rule_counts (
    run_id varchar, flow varchar, rule varchar, withholds boolean, "rows" bigint);
create table if not exists out_myogo.products (
    code varchar, name varchar, ean_code varchar, sales_price decimal(18, 4), description varchar, supplier varchar,
    "group" varchar, picture_url varchar, country_of_origin varchar, customs_description varchar,
    hs_code varchar, language_code varchar, stock_item_id varchar, pricelist_id varchar);
create table if not exists out_myogo.warnings (
    key varchar, stock_item_id varchar, code varchar, rule varchar, "column" varchar, "value" varchar,
    message varchar, fix varchar, owner varchar);

create table if not exists out_myogo.orders (
    reference varchar, status varchar, test boolean, shipping_code varchar, pick_up_point_code varchar,
    price_total decimal(18, 4), price_currency varchar, lines json, cash_on_delivery json, shipment_id varchar,
    capture boolean, owner_id varchar);
create table if not exists out_centra.shipments (
    shipment_id varchar, reference varchar, shipped boolean, tracking varchar, packages bigint, carrier varchar,
    service varchar);
create table if not exists out_centra.stock (key varchar, quantity bigint, stock_item_id varchar, code varchar);
alter table out_myogo.warnings add column if not exists flow varchar default 'products';
create table if not exists out_centra.warnings as from out_myogo.warnings limit 0;

create table if not exists sync.reads (
    run_id varchar, kind varchar, began_at timestamp, since timestamp, why varchar, systems varchar);
comment on table sync.reads is 'One row per run that read both systems: everything (full), or the changes since a moment.';
comment on column sync.reads.since is 'From when on changes were asked for; null for a full read.';
comment on column sync.reads.why is 'Why everything was read.';
comment on column sync.reads.systems is 'A digest of whose data it is; another one means a full read.';

comment on table sync.runs is 'One row per run of a verb that reads both sides; times in UTC.';
comment on table sync.flows is 'One row per run and flow; the counts of sync.runs are the sums over its flows.';
comment on table sync.changes is 'One row per planned change; before and after are JSON objects of the columns that change.';
comment on table sync.journal is 'One row per attempted write: applied, refused, unknown (nobody heard what became of it) or not_attempted.';
comment on table sync.withheld is 'One row per size and broken rule; since is when the size began to break it.';
comment on table sync.rule_counts is 'How many rows each rule and warning concerned, per run.';
comment on table out_myogo.products is 'What myOGO should hold: the valid products of the newest run.';
comment on table out_myogo.warnings is 'Findings that do not withhold a row, of the newest run of each flow that writes to myOGO.';
comment on table out_myogo.orders is 'Orders that myOGO should have, of the newest run of the orders flow; nothing in it says whom they go to.';
comment on column out_myogo.orders.owner_id is 'The shipment of Centra, or its order, that it is made of.';
comment on table out_centra.shipments is 'Shipments to complete in Centra, of the newest run of the tracking flow.';
comment on table out_centra.stock is 'What Centra should hold: the amounts of the newest run of the stock flow, absolute, in units.';
comment on column out_centra.stock.key is 'What Centra is told: the full code, or the EAN where the code could mean another size.';
comment on table out_centra.warnings is 'The same of each flow that writes to Centra.';
comment on column sync.runs.facts is 'Findings, limits, requests, retries and seconds per step, as JSON.';
comment on column sync.journal.intended_at is 'When the intent was written, before the call.';
comment on column sync.withheld."value" is 'What the column held.';
comment on column sync.withheld.owner is 'Where it is to be fixed: Centra, myOGO or the channel file.';
create table if not exists sync.faults (
    flow varchar, stock_item_id varchar, code varchar, rule varchar, message varchar, owner varchar,
    first_run_id varchar, first_at timestamp, since timestamp, last_run_id varchar, last_at timestamp,
    closed_run_id varchar, closed_at timestamp, closed_because varchar, times integer);
create table if not exists sync.fault_events (
    run_id varchar, stock_item_id varchar, code varchar, rule varchar, happened_at timestamp, event varchar,
    message varchar);
comment on table sync.fault_events is 'One row each time a size begins to break a rule, stops, or breaks it again.';
comment on table sync.faults is 'One row per size and rule it ever broke: since when, last seen, when closed and why, how often it came back.';
comment on column sync.faults.since is 'When it began this time.';
comment on column sync.faults.closed_because is 'fixed, skipped (no longer wanted) or gone (no longer in Centra); null while open.';
comment on column sync.faults.times is 'How often it was opened; 2 and more means that it came back.';
create table if not exists sync.expectations (
    run_id varchar, flow varchar, expectation varchar, "table" varchar, "column" varchar, meaning varchar, fix varchar,
    status varchar, observed double, unexpected bigint, total bigint, message varchar, stops boolean, gx json);
comment on table sync.expectations is 'One row per run and batch expectation: what was expected of a whole table and what was found.';
comment on column sync.expectations.status is 'passed, failed, or errored where it could not be judged.';
comment on column sync.expectations.observed is 'The number of rows, the share (0 to 1) of the judged values that are as expected, or an age in hours.';
comment on column sync.expectations.unexpected is 'How many of the total are not as expected; null where it is not about a share.';
comment on column sync.expectations.total is 'How many values were judged; nulls are not, unless the expectation is about them.';
comment on column sync.expectations.stops is 'Whether the channel file says that it stops a push.';
comment on column sync.expectations.gx is 'The result as Great Expectations tells it, for its Data Docs.';
