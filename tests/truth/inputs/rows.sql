create table words(id integer primary key, word text, n real);
with recursive c(x) as (select 1 union all select x + 1 from c where x < 20000)
insert into words select x, printf('word %d', x * 7919 % 20011), x / 3.0 from c;
create index by_word on words(word);
select count(*), max(length(group_concat)) from (select group_concat(word) as group_concat from words group by id % 100);
select count(*) from words a join words b on a.word = b.word where a.n > 10 order by a.word;
delete from words where id % 3 = 0;
update words set word = upper(word) || hex(randomblob(8)) where id % 5 = 0;
