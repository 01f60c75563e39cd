-- Who may read resources and is not the schema's owner (a gateway) sees none of those that let somebody administer: administrators (10) and
-- access tokens (11).
ALTER TABLE resource ENABLE ROW LEVEL SECURITY;
CREATE POLICY resource_of_others ON resource FOR SELECT USING (kind NOT IN (10, 11));
