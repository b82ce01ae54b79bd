-- What analysts see: public posts that are there, by authors whose accounts are open, and what was done with them. Ids only.
-- Described in docs/analytics.md. They read the stable views, so a rebuild does not touch them.

CREATE OR REPLACE VIEW analytics_posts DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT
    p.post_id AS post_id,
    p.author_id AS author_id,
    p.created_at AS created_at,
    c.likes AS likes,
    c.comments AS comments
FROM posts AS p
LEFT JOIN post_counters AS c ON c.post_id = p.post_id
WHERE p.visibility = 'public' AND p.author_id NOT IN (SELECT user_id FROM users WHERE active = 0);

-- Likes and comments on those posts, by people whose accounts are open.
CREATE OR REPLACE VIEW analytics_engagement DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT e.post_id AS post_id, p.author_id AS author_id, e.kind AS kind, e.user_id AS user_id, e.at AS at
FROM engagement AS e
INNER JOIN analytics_posts AS p ON p.post_id = e.post_id
WHERE e.user_id NOT IN (SELECT user_id FROM users WHERE active = 0);

CREATE OR REPLACE VIEW analytics_posts_per_day DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT toDate(created_at, 'UTC') AS day, count() AS posts, uniqExact(author_id) AS authors
FROM analytics_posts
GROUP BY day;

CREATE OR REPLACE VIEW analytics_engagement_per_hour DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT
    toStartOfHour(at, 'UTC') AS hour,
    countIf(kind = 'like') AS likes,
    countIf(kind = 'comment') AS comments,
    uniqExact(user_id) AS people
FROM analytics_engagement
GROUP BY hour;

CREATE OR REPLACE VIEW analytics_authors DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT
    author_id,
    count() AS posts,
    sum(likes) AS likes,
    sum(comments) AS comments,
    min(created_at) AS first_post_at,
    max(created_at) AS last_post_at
FROM analytics_posts
GROUP BY author_id;

-- On which days someone did something in public: posted, liked or commented.
CREATE OR REPLACE VIEW analytics_active_days DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT DISTINCT user_id, day FROM (
    SELECT author_id AS user_id, toDate(created_at, 'UTC') AS day FROM analytics_posts
    UNION ALL
    SELECT user_id, toDate(at, 'UTC') AS day FROM analytics_engagement
);

-- Of those first active in a week, how many were active so many weeks later.
CREATE OR REPLACE VIEW analytics_retention_weekly DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT
    f.week AS first_week,
    intDiv(dateDiff('day', f.week, toMonday(d.day)), 7) AS weeks_later,
    uniqExact(d.user_id) AS people
FROM analytics_active_days AS d
INNER JOIN (
    SELECT user_id, toMonday(min(day)) AS week FROM analytics_active_days GROUP BY user_id
) AS f ON f.user_id = d.user_id
GROUP BY first_week, weeks_later;
