//! AWS: secrets and tokens in SSM, ledger and lease in DynamoDB.
