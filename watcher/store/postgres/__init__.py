"""The store on PostgreSQL: one database that several machines share."""
