"""What a reward epoch pays and to whom: exact sums in wei, from offers to claims. Source: fsp.md section 7."""
