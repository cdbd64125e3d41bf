//! XenStore: a tree of small values with permissions, watches, transactions and quotas.
