-- The contract of release 0.2, last of three: enters the links that release 0.1 made, and lets linking go
-- on. The caller removes the stop signs in the same transaction.
LOCK TABLE twinstream.stop_signs IN EXCLUSIVE MODE;
INSERT INTO twinstream.links (telegram_account_id, discord_account_id, linked_at)
SELECT t.account_id, d.account_id, greatest(t.linked_at, d.linked_at)
FROM twinstream.accounts AS t JOIN twinstream.accounts AS d USING (member_id)
WHERE t.platform = 'telegram' AND d.platform = 'discord'
ORDER BY 3, 1;
INSERT INTO twinstream.contracts (release) VALUES ('0.2');
