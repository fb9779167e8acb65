-- An analyst's first questions. Made anew at the end of each run; a table of a stage may be missing before the first read.
create or replace view main.v_latest_run as
select * from sync.runs order by started_at desc limit 1;
comment on view main.v_latest_run is 'The newest run.';
comment on column main.v_latest_run."run_id" is 'Identifies the run; times sort as it does.';
comment on column main.v_latest_run."channel" is 'Name in the channel file.';
comment on column main.v_latest_run."verb" is 'plan or push.';
comment on column main.v_latest_run."started_at" is 'UTC.';
comment on column main.v_latest_run."ended_at" is 'UTC.';
comment on column main.v_latest_run."outcome" is 'ok, attention, refused, unavailable and so on.';
comment on column main.v_latest_run."exit_code" is '0 to 6, as the README has them.';
comment on column main.v_latest_run."message" is 'What went wrong, where something did.';
comment on column main.v_latest_run."fingerprint" is 'Identifies the plan.';
comment on column main.v_latest_run."forced" is 'Whether --force waived the limits.';
comment on column main.v_latest_run."selection" is 'The --sku patterns.';
comment on column main.v_latest_run."flow" is 'Which flows ran, with commas; sync.flows has the counts of each.';
comment on column main.v_latest_run."read" is 'Sizes that Centra listed.';
comment on column main.v_latest_run."skipped" is 'Not wanted: inactive, not selected, or outside --sku.';
comment on column main.v_latest_run."withheld" is 'Broke a rule.';
comment on column main.v_latest_run."create" is 'To be created.';
comment on column main.v_latest_run."update" is 'To be updated.';
comment on column main.v_latest_run."unchanged" is 'Already as they should be.';
comment on column main.v_latest_run."drifted" is 'EAN differs from the one myOGO keeps.';
comment on column main.v_latest_run."unmatched" is 'In myOGO only.';
comment on column main.v_latest_run."applied" is 'Written.';
comment on column main.v_latest_run."refused" is 'myOGO said no.';
comment on column main.v_latest_run."unknown" is 'Nobody heard what became of it.';
comment on column main.v_latest_run."not_attempted" is 'Not begun.';
comment on column main.v_latest_run."facts" is 'Findings, limits, requests and seconds per step, as JSON.';

create or replace view main.v_duplicate_codes as
with sizes as (
    select coalesce(sku, '') || coalesce(variant_sku, '') || coalesce(size_sku, '') as code, *
    from raw_centra.products)
select code, stock_item_id, product_id, sku, variant_sku, size_sku, coalesce(nullif(name, ''), product) as name,
       variant, size, active, count(*) over (partition by code) as owners
from sizes where code <> '' qualify owners > 1 order by code, stock_item_id;
comment on view main.v_duplicate_codes is 'Every size of Centra whose combined code is made by another size too, owners side by side.';
comment on column main.v_duplicate_codes."code" is 'sku + variant_sku + size_sku.';
comment on column main.v_duplicate_codes."stock_item_id" is 'The size in Centra.';
comment on column main.v_duplicate_codes."product_id" is 'The product in Centra.';
comment on column main.v_duplicate_codes."sku" is 'First part of the code.';
comment on column main.v_duplicate_codes."variant_sku" is 'Second part.';
comment on column main.v_duplicate_codes."size_sku" is 'Third part.';
comment on column main.v_duplicate_codes."name" is 'name, or else product.';
comment on column main.v_duplicate_codes."variant" is 'Name of the variant.';
comment on column main.v_duplicate_codes."size" is 'Label of the size.';
comment on column main.v_duplicate_codes."active" is 'Whether Centra sells it.';
comment on column main.v_duplicate_codes."owners" is 'How many sizes make the code.';

create or replace view main.v_missing_euro_price as
select w.code, w.stock_item_id, coalesce(nullif(p.name, ''), p.product) as name, p.variant, p.size, w.since, w.message
from sync.withheld w
left join raw_centra.products p using (stock_item_id)
where w.rule = 'PRICE-001' and w.run_id = (select f.run_id from sync.flows f join sync.runs r using (run_id)
    where f.flow = 'products' and f."read" > 0 order by r.started_at desc limit 1)
order by w.code;
comment on view main.v_missing_euro_price is 'Sizes of the newest run without a price in the channel''s currency; the message lists the currencies found.';
comment on column main.v_missing_euro_price."code" is 'The combined code.';
comment on column main.v_missing_euro_price."stock_item_id" is 'The size in Centra.';
comment on column main.v_missing_euro_price."name" is 'name, or else product.';
comment on column main.v_missing_euro_price."variant" is 'Name of the variant.';
comment on column main.v_missing_euro_price."size" is 'Label of the size.';
comment on column main.v_missing_euro_price."since" is 'When the price began to be missing, UTC.';
comment on column main.v_missing_euro_price."message" is 'Lists the currencies that are there.';

create or replace view main.v_stock_side_by_side as
with centra as (
    select coalesce(p.sku, '') || coalesce(p.variant_sku, '') || coalesce(p.size_sku, '') as code,
           count(*) as sizes, cast(sum(s.physical_stock) as bigint) as centra_physical, cast(sum(s.allocated_stock) as bigint) as centra_allocated,
           cast(sum(s.available_stock) as bigint) as centra_available
    from raw_centra.products p left join raw_centra.stock s using (stock_item_id) group by 1),
myogo as (
    select product_code as code, cast(sum(stock) as bigint) as myogo_stock, cast(sum(reserved) as bigint) as myogo_reserved,
           cast(sum(stock_available) as bigint) as myogo_available, max(modified) as myogo_modified
    from raw_myogo.stock group by 1)
select coalesce(c.code, m.code) as code, c.sizes, c.centra_physical, c.centra_allocated, c.centra_available,
       m.myogo_stock, m.myogo_reserved, m.myogo_available, m.myogo_modified,
       m.myogo_available - c.centra_available as difference
from centra c full join myogo m on c.code = m.code order by code;
comment on view main.v_stock_side_by_side is 'Stock of each code in Centra and in myOGO; null where a side does not have the code.';
comment on column main.v_stock_side_by_side."code" is 'The combined code.';
comment on column main.v_stock_side_by_side."sizes" is 'How many sizes of Centra make it; their stock is summed.';
comment on column main.v_stock_side_by_side."centra_physical" is 'Units on the shelf, as Centra has it.';
comment on column main.v_stock_side_by_side."centra_allocated" is 'Units reserved in Centra.';
comment on column main.v_stock_side_by_side."centra_available" is 'Units that Centra may still sell.';
comment on column main.v_stock_side_by_side."myogo_stock" is 'Units in the warehouse.';
comment on column main.v_stock_side_by_side."myogo_reserved" is 'Units reserved in myOGO.';
comment on column main.v_stock_side_by_side."myogo_available" is 'Units that can be ordered from myOGO.';
comment on column main.v_stock_side_by_side."myogo_modified" is 'When myOGO''s number last changed, as myOGO wrote it.';
comment on column main.v_stock_side_by_side."difference" is 'myogo_available minus centra_available, in units.';

create or replace view main.v_history as
select c.key as code, r.started_at as happened_at, c.run_id, r.verb, 'planned ' || c.action as event,
       cast(c.after as varchar) as detail
from sync.changes c join sync.runs r using (run_id)
union all
select j.key, j.intended_at, j.run_id, r.verb, j.action || ' ' || coalesce(j.outcome, 'open'), j.message
from sync.journal j join sync.runs r using (run_id)
union all
select e.code, e.happened_at, e.run_id, r.verb, e.event || ' ' || e.rule || ' (size ' || e.stock_item_id || ')', e.message
from sync.fault_events e join sync.runs r using (run_id)
order by code, happened_at, event;
comment on view main.v_history is 'All that ever happened to a code: planned changes, attempted writes and their outcome, and when each of its sizes began and ceased to be withheld.';
comment on column main.v_history."code" is 'The combined code at the time.';
comment on column main.v_history."happened_at" is 'UTC.';
comment on column main.v_history."run_id" is 'Which run.';
comment on column main.v_history."verb" is 'plan or push.';
comment on column main.v_history."event" is 'What happened.';
comment on column main.v_history."detail" is 'The columns planned, or the message.';

create or replace view main.v_rule_trend as
select r.started_at, c.run_id, c.rule, c.withholds, c."rows"
from sync.rule_counts c join sync.runs r using (run_id) order by c.rule, r.started_at;
comment on view main.v_rule_trend is 'How many rows each rule concerned, run by run.';
comment on column main.v_rule_trend."started_at" is 'When the run began, UTC.';
comment on column main.v_rule_trend."run_id" is 'Which run.';
comment on column main.v_rule_trend."rule" is 'Rule or warning.';
comment on column main.v_rule_trend."withholds" is 'Whether it withholds the row.';
comment on column main.v_rule_trend."rows" is 'How many rows it concerned.';
