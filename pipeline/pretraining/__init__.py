"""Training of a network on its source task: phones, identities, pictures, actions, gender."""
