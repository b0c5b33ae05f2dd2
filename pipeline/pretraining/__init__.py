"""Training of a network on its source task: phones, identities, expressions, pictures, actions, gender."""
