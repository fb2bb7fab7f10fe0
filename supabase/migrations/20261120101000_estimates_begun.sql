-- The row of an estimate is written before engines are asked: so a user's estimates can be counted
-- however many are under way, and those that failed as well. It is null until it is made.

alter table public.estimates alter column estimate drop not null;
