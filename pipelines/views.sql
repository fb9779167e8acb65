-- An analyst's first questions. Made anew at the end of each run; a table of a stage may be missing before the first read.
create or replace view main.v_latest_run as
select * from sync.runs order by started_at desc limit 1;
comment on view main.v_latest_run is 'The newest run.';

create or replace view main.v_duplicate_codes as
with sizes as (
    select coalesce(sku, '') || coalesce(variant_sku, '') || coalesce(size_sku, '') as code, *
    from raw_centra.products)
select code, stock_item_id, product_id, sku, variant_sku, size_sku, coalesce(nullif(name, ''), product) as name,
       variant, size, active, count(*) over (partition by code) as owners
from sizes where code <> '' qualify owners > 1 order by code, stock_item_id;
comment on view main.v_duplicate_codes is 'Every size of Centra whose combined code is made by another size too, owners side by side.';
comment on column main.v_duplicate_codes.owners is 'How many sizes make the code.';

create or replace view main.v_missing_euro_price as
select w.code, w.stock_item_id, coalesce(nullif(p.name, ''), p.product) as name, p.variant, p.size, w.since, w.message
from sync.withheld w
left join raw_centra.products p using (stock_item_id)
where w.rule = 'PRICE-001' and w.run_id = (select run_id from sync.runs where "read" > 0 order by started_at desc limit 1)
order by w.code;
comment on view main.v_missing_euro_price is 'Sizes of the newest run without a price in the channel''s currency; the message lists the currencies found.';

create or replace view main.v_stock_side_by_side as
with centra as (
    select coalesce(p.sku, '') || coalesce(p.variant_sku, '') || coalesce(p.size_sku, '') as code,
           count(*) as sizes, sum(s.physical_stock) as centra_physical, sum(s.allocated_stock) as centra_allocated,
           sum(s.available_stock) as centra_available
    from raw_centra.products p left join raw_centra.stock s using (stock_item_id) group by 1),
myogo as (
    select product_code as code, sum(stock) as myogo_stock, sum(reserved) as myogo_reserved,
           sum(stock_available) as myogo_available, max(modified) as myogo_modified
    from raw_myogo.stock group by 1)
select coalesce(c.code, m.code) as code, c.sizes, c.centra_physical, c.centra_allocated, c.centra_available,
       m.myogo_stock, m.myogo_reserved, m.myogo_available, m.myogo_modified,
       m.myogo_available - c.centra_available as difference
from centra c full join myogo m on c.code = m.code order by code;
comment on view main.v_stock_side_by_side is 'Stock of each code in Centra and in myOGO; null where a side does not have the code.';
comment on column main.v_stock_side_by_side.difference is 'myogo_available minus centra_available, in units.';

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

create or replace view main.v_rule_trend as
select r.started_at, c.run_id, c.rule, c.withholds, c."rows"
from sync.rule_counts c join sync.runs r using (run_id) order by c.rule, r.started_at;
comment on view main.v_rule_trend is 'How many rows each rule concerned, run by run.';
